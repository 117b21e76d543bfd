-- Answers: the last row, by time, of a piece after (after_ns, after_id); none if no more rows are left than fit.
--   A piece has `size` rows, or as many as have `most` bytes of text.
-- Reach: narrow
-- Parameters: from_ns BIGINT, to_ns BIGINT, after_ns BIGINT, after_id BIGINT (null: from the first), size BIGINT,
--   most BIGINT
-- Returns: timestamp BIGINT, id BIGINT
SELECT timestamp, id
FROM (
    SELECT timestamp, id, row_number() OVER piece AS number, sum(bytes) OVER piece AS bytes
    FROM (
        SELECT
            timestamp, id,
            coalesce(length(CAST(process AS BLOB)), 0)
            + coalesce(length(CAST(data AS BLOB)), 0)
            + coalesce(length(CAST(data_value AS BLOB)), 0)
            + coalesce(length(CAST(exception AS BLOB)), 0)
            + coalesce(length(CAST(exception_stack AS BLOB)), 0)
            + coalesce(length(CAST(attributes AS BLOB)), 0)
            + coalesce(length(CAST("function" AS BLOB)), 0)
            + coalesce(length(CAST(process_group AS BLOB)), 0)
            + coalesce(length(CAST(data_type AS BLOB)), 0) AS bytes
        FROM {rows}
        WHERE timestamp >= :from_ns AND timestamp < :to_ns
          AND (:after_id IS NULL OR (timestamp, id) > (:after_ns, :after_id))
        ORDER BY timestamp, id
        LIMIT :size
    )
    WINDOW piece AS (ORDER BY timestamp, id ROWS UNBOUNDED PRECEDING)
)
WHERE number = :size OR bytes >= :most
ORDER BY timestamp, id
LIMIT 1

-- Answers: the last row, by id, of a piece after after_id; none if no more rows are left than fit.
--   A piece has `size` rows, or as many as have `most` bytes of text.
-- Reach: narrow
-- Parameters: after_id BIGINT (null: from the first), last_id BIGINT, size BIGINT, most BIGINT
-- Returns: id BIGINT
SELECT id
FROM (
    SELECT id, row_number() OVER piece AS number, sum(bytes) OVER piece AS bytes
    FROM (
        SELECT
            id,
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
        WHERE (:after_id IS NULL OR id > :after_id) AND id <= :last_id
        ORDER BY id
        LIMIT :size
    )
    WINDOW piece AS (ORDER BY id ROWS UNBOUNDED PRECEDING)
)
WHERE number = :size OR bytes >= :most
ORDER BY id
LIMIT 1

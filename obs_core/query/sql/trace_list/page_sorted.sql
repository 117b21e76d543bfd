-- Answers: the traces with matching rows, by the first of them in this order: by time, process, status (errors are highest),
--   duration (unknown: last), data, data type or exception; then newest first, after (after_key, after_ns, after_id).
-- Reach: narrow
-- Parameters: sort VARCHAR, descending BIGINT (0 or 1),
--   after_key VARCHAR or BIGINT, after_ns BIGINT, after_id BIGINT (null: from the first), size BIGINT
-- Returns: trace_id VARCHAR, timestamp BIGINT, id BIGINT, sort_key ANY
WITH keyed AS (
    SELECT trace_id, timestamp, id, {sort_key}
    FROM {rows}
    WHERE {where}
      AND trace_id IS NOT NULL
),
ranked AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY trace_id
            ORDER BY
                CASE WHEN :descending THEN sort_key END DESC, CASE WHEN NOT :descending THEN sort_key END,
                timestamp DESC, id DESC
        ) AS rank
    FROM keyed
)
SELECT trace_id, timestamp, id, sort_key
FROM ranked
WHERE rank = 1
  AND (:after_id IS NULL
   OR CASE WHEN :descending THEN sort_key < :after_key ELSE sort_key > :after_key END
   OR (sort_key = :after_key AND (timestamp, id) < (:after_ns, :after_id)))
ORDER BY CASE WHEN :descending THEN sort_key END DESC, CASE WHEN NOT :descending THEN sort_key END, timestamp DESC, id DESC
LIMIT :size

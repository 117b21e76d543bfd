-- Answers: the last row, by time, of a piece of `size` rows after (after_ns, after_id); none if fewer rows are left.
-- Reach: narrow
-- Parameters: from_ns BIGINT, to_ns BIGINT, after_ns BIGINT, after_id BIGINT (null: from the first), size BIGINT
-- Returns: timestamp BIGINT, id BIGINT
SELECT timestamp, id
FROM {rows}
WHERE timestamp >= :from_ns AND timestamp < :to_ns
  AND (:after_id IS NULL OR (timestamp, id) > (:after_ns, :after_id))
ORDER BY timestamp, id
LIMIT 1 OFFSET :size - 1

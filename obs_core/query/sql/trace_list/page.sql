-- Answers: the traces with matching rows, by their newest matching row, newest first, after (after_ns, after_id).
-- Reach: narrow
-- Parameters: after_ns BIGINT, after_id BIGINT (null: from the newest), size BIGINT
-- Returns: trace_id VARCHAR, timestamp BIGINT, id BIGINT
WITH matching AS NOT MATERIALIZED (
    SELECT trace_id, timestamp, id
    FROM {rows}
    WHERE {where}
      AND trace_id IS NOT NULL
)
SELECT trace_id, timestamp, id
FROM matching
WHERE timestamp <= coalesce(:after_ns, 9223372036854775807)
  AND (:after_id IS NULL OR (timestamp, id) < (:after_ns, :after_id))
  AND NOT EXISTS (
    SELECT 1
    FROM matching AS newer
    WHERE newer.trace_id = matching.trace_id AND (newer.timestamp, newer.id) > (matching.timestamp, matching.id)
  )
ORDER BY timestamp DESC, id DESC
LIMIT :size

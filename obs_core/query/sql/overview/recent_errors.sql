-- Answers: the newest failed calls.
-- Reach: narrow
-- Parameters: from_ns BIGINT, to_ns BIGINT, group VARCHAR (null: all), size BIGINT
-- Returns: timestamp BIGINT, process VARCHAR, data VARCHAR, exception VARCHAR, trace_id VARCHAR, span_id VARCHAR,
--   process_group VARCHAR, id BIGINT
SELECT timestamp, process, data, exception, trace_id, span_id, process_group, id
FROM {calls}
WHERE timestamp >= :from_ns AND timestamp < :to_ns
  AND status = 'ERROR'
  AND (:group IS NULL OR process_group = :group)
ORDER BY timestamp DESC, id DESC
LIMIT :size

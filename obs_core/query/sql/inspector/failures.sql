-- Answers: the newest calls of one function that failed, with where they were raised.
-- Reach: narrow
-- Parameters: from_ns BIGINT, to_ns BIGINT, group VARCHAR (null: all), function VARCHAR, size BIGINT
-- Returns: timestamp BIGINT, exception VARCHAR, exception_stack VARCHAR, trace_id VARCHAR, span_id VARCHAR,
--   code_id BIGINT
SELECT
    timestamp, substr(exception, 1, 2000) AS exception,
    substr(exception_stack, 1, 65536) AS exception_stack,
    trace_id, span_id, code_id
FROM {calls}
WHERE timestamp >= :from_ns AND timestamp < :to_ns AND status = 'ERROR'
  AND coalesce(nullif(function, ''), data) = :function
  AND (:group IS NULL OR process_group = :group)
ORDER BY timestamp DESC
LIMIT :size

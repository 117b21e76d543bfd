-- Answers: failed calls, newest first, with the start and the end of their stacks.
-- Reach: narrow
-- Parameters: from_ns BIGINT, to_ns BIGINT, group VARCHAR (null: all), above_id BIGINT, size BIGINT,
--   after_ns BIGINT, after_id BIGINT (of the row before the first)
-- Returns: id BIGINT, timestamp BIGINT, process VARCHAR, function VARCHAR, exception VARCHAR, stack VARCHAR,
--   trace_id VARCHAR, span_id VARCHAR, parent_span_id VARCHAR, run_id BIGINT
SELECT
    id, timestamp, process, {function_name} AS function, substr(exception, 1, 500) AS exception,
    CASE
        WHEN length(exception_stack) > 4000
        THEN substr(exception_stack, 1, 1000) || char(10) || substr(exception_stack, -3000)
        ELSE exception_stack
    END AS stack,
    trace_id, span_id, parent_span_id, run_id
FROM {calls}
WHERE timestamp >= :from_ns AND timestamp < :to_ns
  AND status = 'ERROR'
  AND (:group IS NULL OR process_group = :group)
  AND id > :above_id
  AND timestamp <= :after_ns AND (timestamp < :after_ns OR id < :after_id)
ORDER BY timestamp DESC, id DESC
LIMIT :size

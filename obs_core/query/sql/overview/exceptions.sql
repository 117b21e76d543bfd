-- Answers: the newest failed calls, with the start and the end of their stacks, and the version that ran them.
-- Reach: narrow
-- Parameters: from_ns BIGINT, to_ns BIGINT, group VARCHAR (null: all)
-- Returns: timestamp BIGINT, process VARCHAR, function VARCHAR, exception VARCHAR, stack VARCHAR, trace_id VARCHAR,
--   span_id VARCHAR, parent_span_id VARCHAR, version VARCHAR
SELECT
    timestamp, process, {function_name} AS function, substr(exception, 1, 500) AS exception,
    CASE
        WHEN length(exception_stack) > 4000
        THEN substr(exception_stack, 1, 1000) || char(10) || substr(exception_stack, -3000)
        ELSE exception_stack
    END AS stack,
    trace_id, span_id, parent_span_id,
    (SELECT coalesce(run.version, substr(run.revision, 1, 12)) FROM run WHERE run.id = run_id) AS version
FROM {calls}
WHERE timestamp >= :from_ns AND timestamp < :to_ns
  AND status = 'ERROR'
  AND (:group IS NULL OR process_group = :group)
ORDER BY timestamp DESC, id DESC

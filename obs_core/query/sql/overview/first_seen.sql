-- Answers: the oldest failed calls with a text in their exception or stack, with the start and the end of their stacks.
-- Reach: narrow
-- Parameters: from_ns BIGINT, to_ns BIGINT, group VARCHAR (null: all), type VARCHAR (empty: all)
-- Returns: timestamp BIGINT, trace_id VARCHAR, span_id VARCHAR, parent_span_id VARCHAR, function VARCHAR,
--   exception VARCHAR, stack VARCHAR, version VARCHAR
SELECT
    timestamp, trace_id, span_id, parent_span_id, {function_name} AS function, substr(exception, 1, 500) AS exception,
    CASE
        WHEN length(exception_stack) > 4000
        THEN substr(exception_stack, 1, 1000) || char(10) || substr(exception_stack, -3000)
        ELSE exception_stack
    END AS stack,
    (SELECT coalesce(run.version, substr(run.revision, 1, 12)) FROM run WHERE run.id = run_id) AS version
FROM {calls}
WHERE timestamp >= :from_ns AND timestamp < :to_ns
  AND status = 'ERROR'
  AND (:group IS NULL OR process_group = :group)
  AND (:type = '' OR instr(exception, :type) OR instr(exception_stack, :type))
ORDER BY timestamp, id

-- Answers: all rows of one trace, by time.
-- Reach: narrow
-- Parameters: trace_id VARCHAR
-- Returns: kind VARCHAR, process VARCHAR, data VARCHAR, timestamp BIGINT, process_group VARCHAR, data_type VARCHAR,
--   data_value VARCHAR, status VARCHAR, exception VARCHAR, trace_id VARCHAR, span_id VARCHAR, parent_span_id VARCHAR,
--   function VARCHAR, exception_stack VARCHAR, duration_ns BIGINT, memory_delta BIGINT, code_id BIGINT, run_id BIGINT,
--   attributes VARCHAR
SELECT
    kind, process, data, timestamp, process_group, data_type, data_value, status, exception, trace_id, span_id,
    parent_span_id, function, exception_stack, duration_ns, memory_delta, code_id, run_id, attributes
FROM {rows}
WHERE trace_id = :trace_id
ORDER BY timestamp, id

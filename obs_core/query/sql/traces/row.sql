-- Answers: all columns of one row.
-- Reach: narrow
-- Parameters: id BIGINT
-- Returns: id BIGINT, kind VARCHAR, process VARCHAR, data VARCHAR, data_type VARCHAR, data_value VARCHAR,
--   timestamp BIGINT, status VARCHAR, exception VARCHAR, exception_stack VARCHAR, trace_id VARCHAR, span_id VARCHAR,
--   parent_span_id VARCHAR, process_group VARCHAR, function VARCHAR, duration_ns BIGINT, memory_delta BIGINT,
--   code_id BIGINT, run_id BIGINT, attributes VARCHAR
SELECT
    id, kind, process, data, data_type, data_value, timestamp, status, exception, exception_stack, trace_id, span_id,
    parent_span_id, process_group, function, duration_ns, memory_delta, code_id, run_id, attributes
FROM {rows}
WHERE id = :id

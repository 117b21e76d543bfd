-- Answers: the rows of one trace, by start.
-- Reach: narrow
-- Parameters: trace_id VARCHAR, longest BIGINT (characters of a cell)
-- Returns: id BIGINT, kind VARCHAR, span_id VARCHAR, parent_span_id VARCHAR, process VARCHAR, data VARCHAR,
--   data_type VARCHAR, data_value VARCHAR, timestamp BIGINT, status VARCHAR, exception VARCHAR, duration_ns BIGINT,
--   process_group VARCHAR, function VARCHAR, memory_delta BIGINT
SELECT
    id, kind, span_id, parent_span_id, process, {cut(data)}, data_type, {cut(data_value)}, timestamp, status, {cut(exception)},
    duration_ns, process_group, function, memory_delta
FROM {rows}
WHERE trace_id = :trace_id
ORDER BY timestamp, id

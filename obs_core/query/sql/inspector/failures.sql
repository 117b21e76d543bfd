-- Answers: some calls by their ids, newest first, with exception and stack.
-- Reach: narrow
-- Parameters: ids VARCHAR (a JSON list)
-- Returns: timestamp BIGINT, exception VARCHAR, exception_stack VARCHAR, trace_id VARCHAR, span_id VARCHAR,
--   code_id BIGINT
SELECT
    timestamp, substr(exception, 1, 2000) AS exception, substr(exception_stack, 1, 65536) AS exception_stack,
    trace_id, span_id, code_id
FROM {calls}
WHERE id IN (SELECT value FROM json_each(iif(json_valid(:ids), :ids, '[]')))
ORDER BY timestamp DESC, id DESC

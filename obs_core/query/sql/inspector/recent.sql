-- Answers: some calls by their ids, newest first, with their return values.
-- Reach: narrow
-- Parameters: ids VARCHAR (a JSON list)
-- Returns: timestamp BIGINT, process VARCHAR, status VARCHAR, data_type VARCHAR, data_value VARCHAR, exception VARCHAR,
--   duration_ms DOUBLE, trace_id VARCHAR, span_id VARCHAR
SELECT
    timestamp, process, status, data_type, substr(data_value, 1, 2000) AS data_value,
    substr(exception, 1, 2000) AS exception, duration_ns / 1e6 AS duration_ms, trace_id, span_id
FROM {calls}
WHERE id IN (SELECT value FROM json_each(iif(json_valid(:ids), :ids, '[]')))
ORDER BY timestamp DESC, id DESC

-- Answers: the values that some calls recorded, including arguments, by time.
-- Reach: narrow
-- Parameters: traces VARCHAR (a JSON list), spans VARCHAR (a JSON list)
-- Returns: trace_id VARCHAR, span_id VARCHAR, data VARCHAR, data_type VARCHAR, data_value VARCHAR
SELECT trace_id, parent_span_id AS span_id, data, data_type, substr(data_value, 1, 200) AS data_value
FROM {values}
WHERE trace_id IN (SELECT value FROM json_each(iif(json_valid(:traces), :traces, '[]'))) AND parent_span_id IN (SELECT value FROM json_each(iif(json_valid(:spans), :spans, '[]')))
ORDER BY timestamp, id
LIMIT 2000

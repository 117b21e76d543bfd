-- Answers: the newest readings of one series.
-- Reach: analytical
-- Parameters: group VARCHAR (null: all), process VARCHAR, data VARCHAR, size BIGINT
-- Reads: values(process, data, data_type, data_value, timestamp, id, trace_id, parent_span_id)
-- Returns: timestamp BIGINT, id BIGINT, data_type VARCHAR, data_value VARCHAR, number DOUBLE, trace_id VARCHAR,
--   parent_span_id VARCHAR
SELECT timestamp, id, data_type, data_value, TRY_CAST(data_value AS DOUBLE) AS number, trace_id, parent_span_id
FROM values_
WHERE process = $process AND data = $data
ORDER BY timestamp DESC, id DESC
LIMIT $size

-- Answers: the series of the window, the number of their readings, and the newest reading.
-- Reach: analytical
-- Parameters: group VARCHAR (null: all)
-- Reads: values(process, process_group, data, data_type, data_value, timestamp, id)
-- Returns: process VARCHAR, process_group VARCHAR, data VARCHAR, readings BIGINT, last_ns BIGINT, data_type VARCHAR,
--   last_value VARCHAR
SELECT
    process, arg_max(process_group, (timestamp, id)) AS process_group, data, count(*) AS readings,
    max(timestamp) AS last_ns,
    arg_max(data_type, (timestamp, id)) AS data_type, arg_max(data_value, (timestamp, id)) AS last_value
FROM values_
GROUP BY process, data
ORDER BY process, data

-- Rollup
SELECT
    process, arg_max(process_group, (newest.ns, newest.id)) AS process_group, data, sum(readings)::BIGINT AS readings,
    max(newest.ns) AS last_ns, struct_extract(max(typed), 'type') AS data_type,
    struct_extract(max(texted), 'text') AS last_value
FROM last_readings
GROUP BY process, data
ORDER BY process, data

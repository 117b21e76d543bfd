-- Answers: the series that one function recorded, including arguments: number of readings and the newest one.
-- Reach: analytical
-- Parameters: group VARCHAR (null: all), function VARCHAR
-- Reads: values(function, process, data, data_type, data_value, timestamp, id)
-- Returns: process VARCHAR, data VARCHAR, readings BIGINT, last_ns BIGINT, data_type VARCHAR, last_value VARCHAR
SELECT
    process, data, count(*) AS readings, max(timestamp) AS last_ns,
    arg_max(data_type, (timestamp, id)) AS data_type,
    left(arg_max(data_value, (timestamp, id)), 2000) AS last_value
FROM values_
WHERE "function" = $function
GROUP BY process, data
ORDER BY last_ns DESC, process, data
LIMIT 200

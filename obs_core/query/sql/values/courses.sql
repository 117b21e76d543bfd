-- Answers: the course of several series: in each slice of time the last number that was read.
-- Reach: analytical
-- Parameters: group VARCHAR (null: all), processes VARCHAR[], names VARCHAR[] (of the same length: a series each), step_ns BIGINT
-- Reads: values(process, data, data_value, timestamp, id)
-- Returns: process VARCHAR, data VARCHAR, moments_ns BIGINT[], numbers DOUBLE[]
SELECT process, data, list(moment_ns ORDER BY moment_ns) AS moments_ns, list(number ORDER BY moment_ns) AS numbers
FROM (
    SELECT
        process, data, timestamp - timestamp % $step_ns AS moment_ns,
        arg_max(TRY_CAST(data_value AS DOUBLE), (timestamp, id)) AS number
    FROM values_
    WHERE (process, data) IN (SELECT (unnest($processes::VARCHAR[]), unnest($names::VARCHAR[])))
    GROUP BY process, data, moment_ns
) AS slices
GROUP BY process, data
ORDER BY process, data

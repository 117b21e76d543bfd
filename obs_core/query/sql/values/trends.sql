-- Answers: the trend of several series: the last number and the last text in each slice of time.
-- Reach: analytical
-- Parameters: group VARCHAR (null: all), processes VARCHAR[], names VARCHAR[] (of the same length, one item per series), step_ns BIGINT
-- Reads: values(process, data, data_value, timestamp, id)
-- Returns: process VARCHAR, data VARCHAR, moments_ns BIGINT[], numbers DOUBLE[], texts VARCHAR[]
SELECT
    process, data, list(moment_ns ORDER BY moment_ns) AS moments_ns, list(number ORDER BY moment_ns) AS numbers,
    list(text ORDER BY moment_ns) AS texts
FROM (
    SELECT
        process, data, timestamp - timestamp % $step_ns AS moment_ns,
        arg_max(TRY_CAST(data_value AS DOUBLE), (timestamp, id)) AS number,
        arg_max(left(coalesce(data_value, ''), 100), (timestamp, id)) AS text
    FROM values_
    WHERE (process, data) IN (SELECT (unnest($processes::VARCHAR[]), unnest($names::VARCHAR[])))
    GROUP BY process, data, moment_ns
) AS slices
GROUP BY process, data
ORDER BY process, data

-- Rollup
SELECT
    process, data, list(moment_ns ORDER BY moment_ns) AS moments_ns, list(number ORDER BY moment_ns) AS numbers,
    list(text ORDER BY moment_ns) AS texts
FROM (
    SELECT
        process, data, hour_ns - hour_ns % $step_ns AS moment_ns,
        struct_extract(max(numbered), 'number') AS number,
        left(coalesce(struct_extract(max(newest), 'text'), ''), 100) AS text
    FROM hourly_readings
    WHERE (process, data) IN (SELECT (unnest($processes::VARCHAR[]), unnest($names::VARCHAR[])))
    GROUP BY process, data, moment_ns
) AS slices
GROUP BY process, data
ORDER BY process, data

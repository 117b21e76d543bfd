-- Answers: when each of some values was first read in its series; numbers that are equal are one value.
-- Reach: analytical
-- Parameters: group VARCHAR (null: all), processes VARCHAR[], names VARCHAR[], texts VARCHAR[] (of the same length: a value each)
-- Reads: values(process, data, data_value, timestamp)
-- Returns: process VARCHAR, data VARCHAR, value VARCHAR, first_ns BIGINT
WITH wanted AS (
    SELECT DISTINCT unnest($processes::VARCHAR[]) AS process, unnest($names::VARCHAR[]) AS data, unnest($texts::VARCHAR[]) AS value
)
SELECT read.process, read.data, wanted.value, min(read.timestamp) AS first_ns
FROM values_ AS read
JOIN wanted ON wanted.process = read.process AND wanted.data = read.data
WHERE read.data_value = wanted.value OR TRY_CAST(read.data_value AS DOUBLE) = TRY_CAST(wanted.value AS DOUBLE)
GROUP BY ALL
ORDER BY ALL

-- Answers: the time of the first reading of some values; equal numbers are one value.
-- Reach: analytical
-- Parameters: group VARCHAR (null: all), processes VARCHAR[], names VARCHAR[], texts VARCHAR[] (of the same length, one item per value)
-- Reads: values(process, data, data_value, timestamp)
-- Returns: process VARCHAR, data VARCHAR, value VARCHAR, first_ns BIGINT
WITH searched AS (
    SELECT DISTINCT unnest($processes::VARCHAR[]) AS process, unnest($names::VARCHAR[]) AS data, unnest($texts::VARCHAR[]) AS value
)
SELECT read.process, read.data, searched.value, min(read.timestamp) AS first_ns
FROM values_ AS read
JOIN searched ON searched.process = read.process AND searched.data = read.data
WHERE read.data_value = searched.value OR TRY_CAST(read.data_value AS DOUBLE) = TRY_CAST(searched.value AS DOUBLE)
GROUP BY ALL
ORDER BY ALL

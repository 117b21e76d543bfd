-- Answers: which of some series had one value in all their readings, by the same equality as streaks.
-- Reach: analytical
-- Parameters: group VARCHAR (null: all), processes VARCHAR[], names VARCHAR[] (of the same length, one item per series),
--   skip_missing BOOLEAN
-- Reads: values(process, data, data_type, data_value, timestamp, attributes)
-- Returns: process VARCHAR, data VARCHAR, readings BIGINT, first_ns BIGINT
WITH searched AS (
    SELECT DISTINCT unnest($processes::VARCHAR[]) AS process, unnest($names::VARCHAR[]) AS data
),
picked AS (
    SELECT read.process, read.data, data_type, data_value, timestamp, attributes
    FROM values_ AS read
    JOIN searched ON searched.process = read.process AND searched.data = read.data
),
{readings}
SELECT process, data, count(*) AS readings, min(timestamp) AS first_ns
FROM readings
GROUP BY process, data
HAVING NOT bool_or(incomparable)
    AND min(type) = max(type)
    AND count(number) IN (0, count(*)) AND min(number) IS NOT DISTINCT FROM max(number)
    AND count(other) IN (0, count(*)) AND min(other) IS NOT DISTINCT FROM max(other)
ORDER BY process, data

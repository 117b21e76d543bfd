-- Answers: the number of calls of one function with a duration, and how many of them were faster than this one.
-- Reach: analytical
-- Parameters: group VARCHAR (null: all), function VARCHAR, duration_ns BIGINT
-- Reads: calls(function, data, duration_ns)
-- Returns: calls BIGINT, faster BIGINT
SELECT count(*) AS calls, count(*) FILTER (WHERE duration_ns < $duration_ns) AS faster
FROM calls
WHERE duration_ns IS NOT NULL AND {function_name} = $function

-- Answers: the functions with a text in their name (ignoring case), their calls and the time of their last call.
-- Reach: analytical
-- Parameters: group VARCHAR (null: all), search VARCHAR (null: all), size BIGINT
-- Reads: calls(process_group, function, data, status, timestamp)
-- Returns: function VARCHAR, process_group VARCHAR, calls BIGINT, errors BIGINT, last_ns BIGINT
SELECT *
FROM (
    SELECT
        {function_name} AS function,
        process_group,
        count(*) AS calls,
        count(*) FILTER (WHERE status = 'ERROR') AS errors,
        max(timestamp) AS last_ns
    FROM calls
    GROUP BY {function_name}, process_group
)
WHERE $search IS NULL OR contains(lower(function), lower($search))
ORDER BY calls DESC, function, process_group
LIMIT $size

-- Rollup
SELECT *
FROM (
    SELECT
        {function_name} AS function, process_group, sum(calls)::BIGINT AS calls, sum(errors)::BIGINT AS errors,
        max(last_ns) AS last_ns
    FROM totals
    GROUP BY {function_name}, process_group
)
WHERE $search IS NULL OR contains(lower(function), lower($search))
ORDER BY calls DESC, function, process_group
LIMIT $size

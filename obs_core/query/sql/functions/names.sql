-- Answers: which functions were called, how often, and when each was last.
-- Reach: analytical
-- Parameters: group VARCHAR (null: all)
-- Reads: calls(process_group, function, data, status, timestamp)
-- Returns: function VARCHAR, process_group VARCHAR, calls BIGINT, errors BIGINT, last_ns BIGINT
SELECT
    coalesce(nullif("function", ''), data) AS function,
    process_group,
    count(*) AS calls,
    count(*) FILTER (WHERE status = 'ERROR') AS errors,
    max(timestamp) AS last_ns
FROM calls
GROUP BY ALL
ORDER BY calls DESC, function, process_group

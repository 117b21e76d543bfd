-- Answers: the measures of the calls of each version of one function.
-- Reach: analytical
-- Parameters: group VARCHAR (null: all), function VARCHAR, codes VARCHAR (ids of its recorded sources, separated by commas),
--   keys VARCHAR (the version of each)
-- Reads: calls(function, data, code_id, status, timestamp, duration_ns)
-- Returns: version BIGINT, calls BIGINT, errors BIGINT, p50_ms DOUBLE, p95_ms DOUBLE, p99_ms DOUBLE, first_ns BIGINT,
--   last_ns BIGINT
SELECT
    versions.version,
    count(*) AS calls,
    count(*) FILTER (WHERE status = 'ERROR') AS errors,
    quantile_cont(duration_ns, 0.5) / 1e6 AS p50_ms,
    quantile_cont(duration_ns, 0.95) / 1e6 AS p95_ms,
    quantile_cont(duration_ns, 0.99) / 1e6 AS p99_ms,
    min(timestamp) AS first_ns,
    max(timestamp) AS last_ns
FROM calls
JOIN (
    SELECT
        TRY_CAST(unnest(string_split($codes, ',')) AS BIGINT) AS code_id,
        TRY_CAST(unnest(string_split($keys, ',')) AS BIGINT) AS version
) AS versions ON versions.code_id = calls.code_id
WHERE {function_name} = $function
GROUP BY versions.version
ORDER BY versions.version

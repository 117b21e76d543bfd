-- Answers: how each recorded source of one function behaved.
-- Reach: analytical
-- Parameters: group VARCHAR (null: all), function VARCHAR
-- Reads: calls(function, data, code_id, status, timestamp, duration_ns)
-- Returns: code_id BIGINT, calls BIGINT, errors BIGINT, p50_ms DOUBLE, p95_ms DOUBLE, p99_ms DOUBLE, first_ns BIGINT,
--   last_ns BIGINT
SELECT
    code_id,
    count(*) AS calls,
    count(*) FILTER (WHERE status = 'ERROR') AS errors,
    quantile_cont(duration_ns, 0.5) / 1e6 AS p50_ms,
    quantile_cont(duration_ns, 0.95) / 1e6 AS p95_ms,
    quantile_cont(duration_ns, 0.99) / 1e6 AS p99_ms,
    min(timestamp) AS first_ns,
    max(timestamp) AS last_ns
FROM calls
WHERE code_id IS NOT NULL AND coalesce(nullif("function", ''), data) = $function
GROUP BY code_id
ORDER BY code_id

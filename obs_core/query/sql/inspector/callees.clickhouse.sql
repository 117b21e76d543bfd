-- Twin of inspector/callees for ClickHouse.
SELECT
    {callee.function_name} AS name,
    count() AS call_count,
    countIf(callee.status = 'ERROR') AS error_count,
    quantileExactInclusive(0.95)(callee.duration_ns) / 1e6 AS p95_ms,
    sum(callee.duration_ns) / 1e6 AS total_ms,
    name AS "function", call_count AS calls, error_count AS errors
FROM calls AS callee
JOIN (SELECT * FROM calls WHERE {function_name} = {function:Nullable(String)}) AS caller
    ON caller.trace_id = callee.trace_id AND caller.span_id = callee.parent_span_id
GROUP BY name
ORDER BY total_ms DESC, name
LIMIT 50

-- Twin of functions/names for ClickHouse.
SELECT name AS "function", process_group, calls, errors, last_ns
FROM (
    SELECT
        {function_name} AS name, process_group, count() AS calls, countIf(status = 'ERROR') AS errors,
        max(timestamp) AS last_ns
    FROM calls
    GROUP BY name, process_group
)
WHERE {search:Nullable(String)} IS NULL
   OR position(lowerUTF8(name), lowerUTF8(ifNull({search:Nullable(String)}, ''))) > 0
ORDER BY calls DESC, name, process_group
LIMIT {size:Int64}

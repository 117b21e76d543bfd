-- Twin of inspector/rank for ClickHouse.
SELECT count() AS calls, countIf(duration_ns < {duration_ns:Int64}) AS faster
FROM calls
WHERE duration_ns IS NOT NULL AND {function_name} = {function:Nullable(String)}

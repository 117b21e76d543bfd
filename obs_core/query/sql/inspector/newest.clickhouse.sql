-- Twin of inspector/newest for ClickHouse.
SELECT id
FROM calls
WHERE {function_name} = {function:Nullable(String)} AND (NOT {failed:Bool} OR status = 'ERROR')
ORDER BY timestamp DESC, id DESC
LIMIT {size:Int64}

-- Twin of traces/attributes for ClickHouse.
SELECT attributes
FROM rows_
WHERE id = {id:Int64}
LIMIT 1

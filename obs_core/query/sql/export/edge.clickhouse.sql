-- Twin of export/edge for ClickHouse.
SELECT timestamp, id
FROM rows_
WHERE (timestamp, id) > (ifNull({after_ns:Nullable(Int64)}, -1), ifNull({after_id:Nullable(Int64)}, -1))
ORDER BY timestamp, id
LIMIT 1 OFFSET {size:Int64} - 1

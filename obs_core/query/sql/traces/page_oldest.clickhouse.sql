-- Twin of traces/page_oldest for ClickHouse: the keys of its rows; traces/rows has their columns.
SELECT id, timestamp
FROM rows_
WHERE {where}
  AND (timestamp, id) > (ifNull({after_ns:Nullable(Int64)}, -1), ifNull({after_id:Nullable(Int64)}, -1))
ORDER BY timestamp, id
LIMIT {size:Int64}

-- Twin of traces/page for ClickHouse: the keys of its rows; traces/rows has their columns.
SELECT id, timestamp
FROM rows_
WHERE {where}
  AND (timestamp, id) < (
    ifNull({after_ns:Nullable(Int64)}, 9223372036854775807), ifNull({after_id:Nullable(Int64)}, 9223372036854775807)
  )
ORDER BY timestamp DESC, id DESC
LIMIT {size:Int64}

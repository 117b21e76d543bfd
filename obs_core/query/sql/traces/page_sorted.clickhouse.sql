-- Twin of traces/page_sorted for ClickHouse: the keys of its rows; traces/rows has their columns.
SELECT id, timestamp, {sort_key}
FROM rows_
WHERE {where}
  AND ({after_id:Nullable(Int64)} IS NULL
   OR sort_key {beyond} {after_key}
   OR (sort_key = {after_key} AND (timestamp, id) < ({after_ns:Nullable(Int64)}, {after_id:Nullable(Int64)})))
ORDER BY sort_key {order}, timestamp DESC, id DESC
LIMIT {size:Int64}

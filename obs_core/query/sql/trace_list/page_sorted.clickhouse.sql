-- Twin of trace_list/page_sorted for ClickHouse.
SELECT trace_id, timestamp, id, sort_key
FROM (
    SELECT trace_id, timestamp, id, {sort_key}
    FROM rows_
    WHERE {where}
      AND trace_id IS NOT NULL
    ORDER BY sort_key {order}, timestamp DESC, id DESC
    LIMIT 1 BY trace_id
)
WHERE {after_id:Nullable(Int64)} IS NULL
   OR sort_key {beyond} {after_key}
   OR (sort_key = {after_key} AND (timestamp, id) < ({after_ns:Nullable(Int64)}, {after_id:Nullable(Int64)}))
ORDER BY sort_key {order}, timestamp DESC, id DESC
LIMIT {size:Int64}

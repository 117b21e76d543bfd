-- Twin of trace_list/page for ClickHouse.
SELECT trace_id, newest.1 AS timestamp, newest.2 AS id
FROM (
    SELECT trace_id, max((timestamp, id)) AS newest
    FROM rows_
    WHERE {where}
      AND trace_id IS NOT NULL
    GROUP BY trace_id
)
WHERE newest < (
    ifNull({after_ns:Nullable(Int64)}, 9223372036854775807), ifNull({after_id:Nullable(Int64)}, 9223372036854775807)
)
ORDER BY newest DESC
LIMIT {size:Int64}

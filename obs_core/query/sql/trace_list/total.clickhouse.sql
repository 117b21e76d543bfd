-- Twin of trace_list/total for ClickHouse.
SELECT uniqExact(trace_id) AS "rows", count() AS looked
FROM (SELECT trace_id FROM rows_ WHERE {where} AND trace_id IS NOT NULL LIMIT {most:Int64})

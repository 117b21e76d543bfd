-- Twin of traces/total for ClickHouse.
SELECT count() AS "rows"
FROM (SELECT id FROM rows_ WHERE {where} LIMIT {most:Int64})

-- Twin of facets/facets for ClickHouse.
SELECT
    process_group, process, {function_name} AS name, status,
    nullIf({exception_type}, '') AS exception_type,
    data_type, count() AS "rows", name AS "function"
FROM (
    SELECT process_group, process, "function", data, status, exception, data_type
    FROM rows_
    WHERE {where}
      AND timestamp >= (
        SELECT min(timestamp)
        FROM (SELECT timestamp FROM rows_ WHERE {where} ORDER BY timestamp DESC LIMIT {newest:Int64})
      )
    ORDER BY timestamp DESC
    LIMIT {newest:Int64}
)
GROUP BY process_group, process, name, status, exception_type, data_type

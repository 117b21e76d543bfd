-- Twin of export/width for ClickHouse.
SELECT
    count() AS "rows",
    sum(
        length(process) + length(data) + length(status) + length(ifNull(data_type, '')) + length(ifNull(data_value, ''))
        + length(ifNull(exception, '')) + length(ifNull(exception_stack, '')) + length(ifNull(trace_id, ''))
        + length(ifNull(span_id, '')) + length(ifNull(parent_span_id, '')) + length(ifNull(process_group, ''))
        + length(ifNull("function", '')) + length(ifNull(attributes, ''))
    ) AS bytes
FROM (
    SELECT *
    FROM rows_
    WHERE {where}
      AND timestamp >= (
        SELECT min(timestamp)
        FROM (SELECT timestamp FROM rows_ WHERE {where} ORDER BY timestamp DESC LIMIT {newest:Int64})
      )
    ORDER BY timestamp DESC
    LIMIT {newest:Int64}
)

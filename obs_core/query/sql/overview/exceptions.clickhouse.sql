-- Twin of overview/exceptions for ClickHouse.
SELECT
    id, timestamp, process, {function_name} AS "function", substringUTF8(exception, 1, 500) AS exception,
    if(
        lengthUTF8(exception_stack) > 4000,
        concat(substringUTF8(exception_stack, 1, 1000), '\n', substringUTF8(exception_stack, -3000)),
        exception_stack
    ) AS stack,
    trace_id, span_id, parent_span_id, run_id
FROM calls
WHERE status = 'ERROR'
  AND id > {above_id:Int64}
  AND timestamp <= {after_ns:Int64} AND (timestamp < {after_ns:Int64} OR id < {after_id:Int64})
ORDER BY timestamp DESC, id DESC
LIMIT {size:Int64}

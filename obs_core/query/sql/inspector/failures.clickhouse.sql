-- Twin of inspector/failures for ClickHouse.
SELECT
    timestamp, substringUTF8(exception, 1, 2000) AS exception,
    substringUTF8(exception_stack, 1, 65536) AS exception_stack, trace_id, span_id, code_id
FROM calls
WHERE id IN {ids:Array(Int64)}
ORDER BY timestamp DESC, id DESC

-- Twin of inspector/recent for ClickHouse.
SELECT
    timestamp, process, status, data_type, data_value, substringUTF8(exception, 1, 2000) AS exception,
    duration_ns / 1e6 AS duration_ms, trace_id, span_id
FROM calls
WHERE id IN {ids:Array(Int64)}
ORDER BY timestamp DESC, id DESC

-- Twin of overview/recent_errors for ClickHouse.
SELECT timestamp, process, data, exception, trace_id, span_id, process_group, id
FROM calls
WHERE status = 'ERROR'
ORDER BY timestamp DESC, id DESC
LIMIT {size:Int64}

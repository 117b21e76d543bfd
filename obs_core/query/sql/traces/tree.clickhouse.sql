-- Twin of traces/tree for ClickHouse.
SELECT
    id, kind, span_id, parent_span_id, process, {cut(data)}, data_type, {cut(data_value)}, timestamp, status,
    {cut(exception)}, duration_ns, process_group, "function", memory_delta
FROM rows_
ORDER BY timestamp, id

-- Twin of traces/row for ClickHouse.
SELECT
    id, kind, process, data, data_type, data_value, timestamp, status, exception, exception_stack, trace_id, span_id,
    parent_span_id, process_group, "function", duration_ns, memory_delta, code_id, run_id, attributes
FROM rows_
WHERE id = {id:Int64}
LIMIT 1

-- Twin of export/trace for ClickHouse.
SELECT
    kind, process, data, timestamp, process_group, data_type, data_value, status, exception, trace_id, span_id,
    parent_span_id, "function", exception_stack, duration_ns, memory_delta, code_id, run_id, attributes
FROM rows_
ORDER BY timestamp, id

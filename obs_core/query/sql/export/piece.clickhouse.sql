-- Twin of export/piece for ClickHouse.
SELECT
    kind, process, data, timestamp, process_group, data_type, data_value, status, exception, trace_id, span_id,
    parent_span_id, "function", exception_stack, duration_ns, memory_delta, code_id, run_id, attributes
FROM rows_
WHERE {where}
  AND (timestamp, id) > (ifNull({after_ns:Nullable(Int64)}, -1), ifNull({after_id:Nullable(Int64)}, -1))
  AND (timestamp, id) <= (
    ifNull({edge_ns:Nullable(Int64)}, 9223372036854775807), ifNull({edge_id:Nullable(Int64)}, 9223372036854775807)
  )
  AND id <= {last_id:Int64}
ORDER BY timestamp, id

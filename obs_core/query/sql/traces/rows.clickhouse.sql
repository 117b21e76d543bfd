-- The columns of pages, of the rows with some ids: to compute them for all rows of a window would take long.
SELECT
    id, process, {cut(data)}, data_type, {cut(data_value)}, timestamp, status, {cut(exception)},
    trace_id, span_id, parent_span_id, process_group, duration_ns, 0 AS has_children,
    kind, "function", memory_delta, notEmpty(attribute_map) AS has_attributes, severity,
    if({with_attributes:Bool}, attributes, NULL) AS attributes
FROM rows_
WHERE id IN {ids:Array(Int64)}

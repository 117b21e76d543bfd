-- Twin of trace_list/outlines for ClickHouse.
WITH parents AS (SELECT trace_id, span_id FROM rows_ WHERE span_id IS NOT NULL)
SELECT
    trace_id,
    argMin(id, (
        kind <> 'call',
        ifNull(parent_span_id, '') <> '' AND ifNull(parent_span_id <> span_id, 1)
            AND (trace_id, parent_span_id) IN (SELECT trace_id, span_id FROM parents),
        timestamp,
        id
    )) AS root_id,
    countIf(kind = 'call') AS spans,
    countIf(status = 'ERROR') AS errors,
    toJSONString(arraySort(groupUniqArray(process))) AS services
FROM rows_
GROUP BY trace_id

-- Which calls of some traces have rows below them; has_children of traces/page is added from it.
SELECT DISTINCT trace_id, parent_span_id
FROM rows_
WHERE parent_span_id IS NOT NULL AND ifNull(span_id, '') <> parent_span_id

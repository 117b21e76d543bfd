-- Answers: the rows that match the filter, oldest first, after (after_ns, after_id).
-- Reach: narrow
-- Parameters: after_ns BIGINT, after_id BIGINT (null: from the oldest), size BIGINT,
--   longest BIGINT (characters of a cell), with_attributes BIGINT (0 or 1)
-- Returns: id BIGINT, process VARCHAR, data VARCHAR, data_type VARCHAR, data_value VARCHAR, timestamp BIGINT,
--   status VARCHAR, exception VARCHAR, trace_id VARCHAR, span_id VARCHAR, parent_span_id VARCHAR,
--   process_group VARCHAR, duration_ns BIGINT, has_children BIGINT, kind VARCHAR, function VARCHAR, memory_delta BIGINT,
--   has_attributes BIGINT, severity BIGINT, attributes VARCHAR
WITH page AS MATERIALIZED (
    SELECT *
    FROM {rows}
    WHERE {where}
      AND (:after_id IS NULL OR (timestamp, id) > (:after_ns, :after_id))
    ORDER BY timestamp, id
    LIMIT :size
),
parents AS MATERIALIZED (
    SELECT DISTINCT trace_id, parent_span_id
    FROM {rows}
    WHERE trace_id IN (SELECT trace_id FROM page) AND parent_span_id IS NOT NULL AND span_id IS NOT parent_span_id
)
SELECT
    id, process, {cut(data)}, data_type, {cut(data_value)}, timestamp, status, {cut(exception)},
    trace_id, span_id, parent_span_id, process_group, duration_ns,
    EXISTS (SELECT 1 FROM parents WHERE parents.trace_id = page.trace_id AND parents.parent_span_id = page.span_id) AS has_children,
    kind, function, memory_delta, {has_attributes}, {severity},
    CASE WHEN :with_attributes THEN attributes END AS attributes
FROM page
ORDER BY timestamp, id

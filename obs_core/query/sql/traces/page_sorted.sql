-- Answers: the rows that match the filter, sorted by status (errors are highest), duration, process, data, data type or
--   exception (unknown: last), then newest first, after (after_key, after_ns, after_id).
-- Reach: narrow
-- Parameters: sort VARCHAR, descending BIGINT (0 or 1),
--   after_key VARCHAR or BIGINT, after_ns BIGINT, after_id BIGINT (null: from the first), size BIGINT,
--   longest BIGINT (characters of a cell), with_attributes BIGINT (0 or 1)
-- Returns: id BIGINT, process VARCHAR, data VARCHAR, data_type VARCHAR, data_value VARCHAR, timestamp BIGINT,
--   status VARCHAR, exception VARCHAR, trace_id VARCHAR, span_id VARCHAR, parent_span_id VARCHAR,
--   process_group VARCHAR, duration_ns BIGINT, has_children BIGINT, kind VARCHAR, function VARCHAR, memory_delta BIGINT,
--   has_attributes BIGINT, severity BIGINT, attributes VARCHAR, sort_key ANY
WITH keyed AS (
    SELECT
        id, timestamp,
        {sort_key}
    FROM {rows}
    WHERE {where}
),
first AS MATERIALIZED (
    SELECT *
    FROM keyed
    WHERE :after_id IS NULL
       OR CASE WHEN :descending THEN sort_key < :after_key ELSE sort_key > :after_key END
       OR (sort_key = :after_key AND (timestamp, id) < (:after_ns, :after_id))
    ORDER BY CASE WHEN :descending THEN sort_key END DESC, CASE WHEN NOT :descending THEN sort_key END, timestamp DESC, id DESC
    LIMIT :size
),
page AS MATERIALIZED (
    SELECT r.*, first.sort_key
    FROM first
    CROSS JOIN {rows} AS r ON r.id = first.id
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
    CASE WHEN :with_attributes THEN attributes END AS attributes,
    sort_key
FROM page
ORDER BY CASE WHEN :descending THEN sort_key END DESC, CASE WHEN NOT :descending THEN sort_key END, timestamp DESC, id DESC

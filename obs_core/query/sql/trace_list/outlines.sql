-- Answers: for each of the traces, its root (the first call without a parent in the log), calls, errors and processes.
-- Reach: narrow
-- Parameters: trace_ids VARCHAR (a JSON array)
-- Returns: trace_id VARCHAR, root_id BIGINT, spans BIGINT, errors BIGINT, services VARCHAR
WITH members AS MATERIALIZED (
    SELECT r.trace_id, r.id, r.kind, r.span_id, r.parent_span_id, r.process, r.timestamp, r.status
    FROM json_each(CASE WHEN json_valid(:trace_ids) THEN :trace_ids ELSE '[]' END) AS listed
    CROSS JOIN {rows} AS r ON r.trace_id = listed.value
),
ranked AS (
    SELECT
        trace_id, id,
        row_number() OVER (
            PARTITION BY trace_id
            ORDER BY
                kind <> 'call',
                coalesce(parent_span_id, '') <> '' AND parent_span_id <> coalesce(span_id, '') AND EXISTS (
                    SELECT 1
                    FROM {rows} AS parent
                    WHERE parent.trace_id = members.trace_id AND parent.span_id = members.parent_span_id
                ),
                timestamp, id
        ) AS rank
    FROM members
)
SELECT
    members.trace_id, ranked.id AS root_id,
    count(*) FILTER (WHERE kind = 'call') AS spans,
    count(*) FILTER (WHERE status = 'ERROR') AS errors,
    json_group_array(DISTINCT process) AS services
FROM members
JOIN ranked ON ranked.trace_id = members.trace_id AND ranked.rank = 1
GROUP BY members.trace_id

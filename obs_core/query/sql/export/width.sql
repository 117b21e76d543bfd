-- Answers: the bytes of text in the newest rows that match the filter.
-- Reach: narrow
-- Parameters: newest BIGINT (rows that are measured)
-- Returns: rows BIGINT, bytes BIGINT
SELECT
    count(*) AS "rows",
    coalesce(sum(
        length(CAST(process || data AS BLOB)) + length(CAST(status AS BLOB))
        + coalesce(length(CAST(data_type AS BLOB)), 0) + coalesce(length(CAST(data_value AS BLOB)), 0)
        + coalesce(length(CAST(exception AS BLOB)), 0) + coalesce(length(CAST(exception_stack AS BLOB)), 0)
        + coalesce(length(trace_id), 0) + coalesce(length(span_id), 0) + coalesce(length(parent_span_id), 0)
        + coalesce(length(CAST(process_group AS BLOB)), 0) + coalesce(length(CAST(function AS BLOB)), 0)
        + coalesce(length(CAST(attributes AS BLOB)), 0)
    ), 0) AS bytes
FROM (
    SELECT *
    FROM {rows}
    WHERE {where}
    ORDER BY timestamp DESC
    LIMIT :newest
)

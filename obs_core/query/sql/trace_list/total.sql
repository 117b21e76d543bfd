-- Answers: the number of traces with a matching row, among at most `most` matching rows, and the number of these.
-- Reach: narrow
-- Parameters: most BIGINT
-- Returns: rows BIGINT, looked BIGINT
SELECT count(DISTINCT trace_id) AS "rows", count(*) AS looked
FROM (
    SELECT trace_id
    FROM {rows}
    WHERE {where}
      AND trace_id IS NOT NULL
    LIMIT :most
)

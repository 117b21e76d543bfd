-- Answers: the number of rows that match the filter, at most `most`.
-- Reach: narrow
-- Parameters: most BIGINT
-- Returns: rows BIGINT
SELECT count(*) AS "rows"
FROM (
    SELECT 1
    FROM {rows}
    WHERE {where}
    LIMIT :most
)

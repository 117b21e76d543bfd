-- Answers: how many rows fit the filter, counting no further than most.
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

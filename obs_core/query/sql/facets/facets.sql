-- Answers: the number of the newest matching rows per group, process, function, status, exception type and data type.
-- Reach: narrow
-- Parameters: newest BIGINT (rows that are counted)
-- Returns: process_group VARCHAR, process VARCHAR, function VARCHAR, status VARCHAR, exception_type VARCHAR,
--   data_type VARCHAR, rows BIGINT
SELECT
    process_group, process, {function_name} AS function, status,
    exception_type(CAST(substr(exception, 1, 500) AS BLOB)) AS exception_type, data_type, count(*) AS "rows"
FROM (
    SELECT process_group, process, function, data, status, exception, data_type
    FROM {rows}
    WHERE {where}
    ORDER BY timestamp DESC
    LIMIT :newest
)
GROUP BY 1, 2, 3, 4, 5, 6

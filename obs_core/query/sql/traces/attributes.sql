-- Answers: the attributes of one row, as the log holds them.
-- Reach: narrow
-- Parameters: id BIGINT
-- Returns: attributes VARCHAR
SELECT attributes
FROM {rows}
WHERE id = :id

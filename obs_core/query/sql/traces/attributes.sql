-- Answers: the attributes of one row, as stored in the log.
-- Reach: narrow
-- Parameters: id BIGINT
-- Returns: attributes VARCHAR
SELECT attributes
FROM {rows}
WHERE id = :id

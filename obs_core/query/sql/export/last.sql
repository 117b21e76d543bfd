-- Answers: the highest id; what comes later is not exported.
-- Reach: narrow
-- Returns: id BIGINT
SELECT max(id) AS id
FROM {rows}

-- Answers: the highest id; later rows are not exported.
-- Reach: narrow
-- Returns: id BIGINT
SELECT max(id) AS id
FROM {rows}

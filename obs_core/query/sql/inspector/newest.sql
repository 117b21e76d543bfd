-- Answers: the ids of the newest calls of one function, newest first.
-- Reach: analytical
-- Parameters: group VARCHAR (null: all), function VARCHAR, size BIGINT
-- Reads: calls(id, function, data, timestamp)
-- Returns: id BIGINT
SELECT id
FROM calls
WHERE coalesce(nullif("function", ''), data) = $function
ORDER BY timestamp DESC, id DESC
LIMIT $size

-- Answers: the ids of the newest calls of one function, or of those that failed, newest first.
-- Reach: analytical
-- Parameters: group VARCHAR (null: all), function VARCHAR, failed BOOLEAN (only those that failed), size BIGINT
-- Reads: calls(id, function, data, status, timestamp)
-- Returns: id BIGINT
SELECT id
FROM calls
WHERE {function_name} = $function AND (NOT $failed OR status = 'ERROR')
ORDER BY timestamp DESC, id DESC
LIMIT $size

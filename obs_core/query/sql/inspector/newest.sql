-- Answers: the ids of the newest calls of one function, or of its newest failed calls, newest first.
-- Reach: analytical
-- Parameters: group VARCHAR (null: all), function VARCHAR, failed BOOLEAN (failed calls only), size BIGINT
-- Reads: calls(id, function, data, status, timestamp)
-- Returns: id BIGINT
SELECT id
FROM calls
WHERE {function_name} = $function AND (NOT $failed OR status = 'ERROR')
ORDER BY timestamp DESC, id DESC
LIMIT $size

-- Answers: the recorded sources of one function, newest first; the same source may be recorded several times.
-- Reach: narrow
-- Parameters: function VARCHAR
-- Returns: code_id BIGINT, function VARCHAR, file VARCHAR, line BIGINT, source VARCHAR, source_hash VARCHAR,
--   revision VARCHAR, first_seen BIGINT
SELECT id AS code_id, function, file, line, source, source_hash, revision, first_seen
FROM code
WHERE function = :function
ORDER BY first_seen DESC, id DESC

-- Answers: the versions of some runs of processes.
-- Reach: narrow
-- Parameters: runs VARCHAR (a JSON list of ids)
-- Returns: run_id BIGINT, version VARCHAR
SELECT id AS run_id, coalesce(version, substr(revision, 1, 12)) AS version
FROM run
WHERE id IN (SELECT value FROM json_each(iif(json_valid(:runs), :runs, '[]')))

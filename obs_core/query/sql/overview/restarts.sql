-- Answers: the processes that started, and whether their version or revision changed.
-- Reach: narrow
-- Parameters: from_ns BIGINT, to_ns BIGINT, group VARCHAR (null: all)
-- Returns: started_ns BIGINT, process VARCHAR, process_group VARCHAR, version VARCHAR, revision VARCHAR, pid BIGINT,
--   changed BIGINT
SELECT started AS started_ns, process, process_group, version, revision, pid, changed
FROM (
    SELECT
        *,
        lag(id) OVER before IS NOT NULL
            AND (version IS NOT lag(version) OVER before OR revision IS NOT lag(revision) OVER before) AS changed
    FROM run
    WINDOW before AS (PARTITION BY process ORDER BY started, id)
)
WHERE started >= :from_ns AND started < :to_ns
  AND (:group IS NULL OR process_group = :group)
ORDER BY started, process, pid

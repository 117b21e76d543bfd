-- Answers: the processes that wrote rows, and the time of the newest row of each.
-- Reach: analytical
-- Parameters: group VARCHAR (null: all)
-- Reads: rows_(process, process_group, timestamp)
-- Returns: process VARCHAR, process_group VARCHAR, rows BIGINT, last_ns BIGINT
SELECT process, process_group, count(*) AS "rows", max(timestamp) AS last_ns
FROM rows_
GROUP BY process, process_group
ORDER BY process, process_group

-- Rollup
SELECT process, process_group, sum("rows")::BIGINT AS "rows", max(last_ns) AS last_ns
FROM slots
GROUP BY process, process_group
ORDER BY process, process_group

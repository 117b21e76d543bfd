-- Twin of overview/processes for ClickHouse.
SELECT process, process_group, count() AS "rows", max(timestamp) AS last_ns
FROM rows_
GROUP BY process, process_group
ORDER BY process, process_group

-- Answers: as timeline/rows, of the newest rows that match the filter.
-- Reach: narrow
-- Parameters: first BIGINT (number of the first slice since 1970), step_ns BIGINT, newest BIGINT (rows that are counted)
-- Returns: slice BIGINT, digits BIGINT, digit BIGINT, failed BIGINT, rows BIGINT
SELECT
    timestamp / :step_ns - (timestamp % :step_ns < 0) - :first AS slice,
    CASE WHEN duration_ns > 0 THEN length(duration_ns) END AS digits,
    CASE
        WHEN duration_ns > 0
            THEN CASE WHEN substr(duration_ns, 1, 1) < '2' THEN 1 WHEN substr(duration_ns, 1, 1) < '5' THEN 2 ELSE 5 END
    END AS digit,
    status = 'ERROR' AS failed,
    count(*) AS "rows"
FROM (
    SELECT timestamp, duration_ns, status
    FROM {rows}
    WHERE {where}
    ORDER BY timestamp DESC
    LIMIT :newest
)
GROUP BY 1, 2, 3, 4
ORDER BY 1, 2, 3, 4

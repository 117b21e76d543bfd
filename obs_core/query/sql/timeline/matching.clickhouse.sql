-- Twin of timeline/matching for ClickHouse.
SELECT
    {slice} AS slice,
    if(duration_ns > 0, length(toString(duration_ns)), NULL) AS digits,
    if(
        duration_ns > 0,
        multiIf(substring(toString(duration_ns), 1, 1) < '2', 1, substring(toString(duration_ns), 1, 1) < '5', 2, 5),
        NULL
    ) AS digit,
    status = 'ERROR' AS failed,
    count() AS "rows"
FROM (
    SELECT timestamp, duration_ns, status
    FROM rows_
    WHERE {where}
      AND timestamp >= (
        SELECT min(timestamp)
        FROM (SELECT timestamp FROM rows_ WHERE {where} ORDER BY timestamp DESC LIMIT {newest:Int64})
      )
    ORDER BY timestamp DESC
    LIMIT {newest:Int64}
)
GROUP BY slice, digits, digit, failed
ORDER BY slice, digits, digit, failed

-- Twin of timeline/rows for ClickHouse.
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
FROM rows_
WHERE ({process:Nullable(String)} IS NULL OR process = {process:Nullable(String)})
  AND ({status:Nullable(String)} IS NULL OR status = {status:Nullable(String)})
  AND ({kind:Nullable(String)} IS NULL OR kind = {kind:Nullable(String)})
  AND ({function:Nullable(String)} IS NULL OR {function_name} = {function:Nullable(String)})
  AND ({min_ns:Nullable(Int64)} IS NULL OR duration_ns >= {min_ns:Nullable(Int64)})
  AND ({max_ns:Nullable(Int64)} IS NULL OR duration_ns <= {max_ns:Nullable(Int64)})
GROUP BY slice, digits, digit, failed
ORDER BY slice, digits, digit, failed

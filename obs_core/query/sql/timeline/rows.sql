-- Answers: the rows per slice of time, class of duration (digits of its nanoseconds, and the first digit: 1, 2 or 5; null
--   without a duration) and whether they failed; of all rows, or of those with these values.
-- Reach: analytical
-- Parameters: group VARCHAR (null: all), process VARCHAR, status VARCHAR, kind VARCHAR, function VARCHAR, min_ns BIGINT,
--   max_ns BIGINT (null: any), first BIGINT (number of the first slice since 1970), step_ns BIGINT
-- Reads: rows_(timestamp, status, duration_ns, process, kind, function, data)
-- Returns: slice BIGINT, digits BIGINT, digit BIGINT, failed BIGINT, rows BIGINT
SELECT
    timestamp // $step_ns - (timestamp % $step_ns < 0)::BIGINT - $first AS slice,
    CASE WHEN duration_ns > 0 THEN length(duration_ns::VARCHAR) END AS digits,
    CASE
        WHEN duration_ns > 0
            THEN CASE WHEN left(duration_ns::VARCHAR, 1) < '2' THEN 1 WHEN left(duration_ns::VARCHAR, 1) < '5' THEN 2 ELSE 5 END
    END::BIGINT AS digit,
    (status = 'ERROR')::BIGINT AS failed,
    count(*) AS "rows"
FROM rows_
WHERE ($process IS NULL OR process = $process)
  AND ($status IS NULL OR status = $status)
  AND ($kind IS NULL OR kind = $kind)
  AND ($function IS NULL OR {function_name} = $function)
  AND ($min_ns IS NULL OR duration_ns >= $min_ns)
  AND ($max_ns IS NULL OR duration_ns <= $max_ns)
GROUP BY ALL
ORDER BY slice, digits, digit, failed

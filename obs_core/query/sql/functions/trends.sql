-- Answers: calls, errors and percentiles per slice of time of several selections of calls.
-- Reach: analytical
-- Parameters: group VARCHAR (null: all), processes VARCHAR[], groups VARCHAR[], names VARCHAR[], functions VARCHAR[] (of the same length, one item
--   per selection, as patterns of LIKE; empty text: all), step_ns BIGINT, shares DOUBLE[] (percentiles as shares of 1)
-- Reads: calls(process, process_group, data, function, timestamp, status, duration_ns)
-- Returns: part BIGINT, moments_ns BIGINT[], calls BIGINT[], errors BIGINT[], percentiles_ns DOUBLE[][]
SELECT
    part, list(moment_ns ORDER BY moment_ns) AS moments_ns, list(counted ORDER BY moment_ns) AS calls,
    list(failed ORDER BY moment_ns) AS errors, list(spread ORDER BY moment_ns) AS percentiles_ns
FROM (
    SELECT
        parts.part, timestamp - timestamp % $step_ns AS moment_ns, count(*) AS counted,
        count(*) FILTER (WHERE status = 'ERROR') AS failed, quantile_cont(duration_ns, $shares::DOUBLE[]) AS spread
    FROM (
        SELECT
            unnest(range(len($processes::VARCHAR[]))) AS part, unnest($processes::VARCHAR[]) AS process,
            unnest($groups::VARCHAR[]) AS process_group, unnest($names::VARCHAR[]) AS data,
            unnest($functions::VARCHAR[]) AS function
    ) AS parts
    JOIN calls ON (parts.process = '' OR calls.process LIKE parts.process ESCAPE '\')
        AND (parts.process_group = '' OR calls.process_group LIKE parts.process_group ESCAPE '\')
        AND (parts.data = '' OR calls.data LIKE parts.data ESCAPE '\')
        AND (parts.function = '' OR {calls.function_name} LIKE parts.function ESCAPE '\')
    GROUP BY parts.part, moment_ns
) AS slices
GROUP BY part
ORDER BY part

-- Rollup without processes
WITH sliced AS (
    SELECT parts.part, hour_ns - hour_ns % $step_ns AS moment_ns, calls, errors, keys, counts
    FROM (
        SELECT
            unnest(range(len($processes::VARCHAR[]))) AS part, unnest($groups::VARCHAR[]) AS process_group,
            unnest($names::VARCHAR[]) AS data, unnest($functions::VARCHAR[]) AS function
    ) AS parts
    JOIN hours ON (parts.process_group = '' OR hours.process_group LIKE parts.process_group ESCAPE '\')
        AND (parts.data = '' OR hours.data LIKE parts.data ESCAPE '\')
        AND (parts.function = '' OR {hours.function_name} LIKE parts.function ESCAPE '\')
),
{sketches(sliced by part, moment_ns)},
spreads AS (
    SELECT part, moment_ns, list(percentile_ns ORDER BY position) AS spread
    FROM (
        SELECT part, moment_ns, position, {percentile(share)} AS percentile_ns
        FROM ranked
        CROSS JOIN (
            SELECT unnest($shares::DOUBLE[]) AS share, unnest(range(len($shares::DOUBLE[]))) AS position
        )
        GROUP BY part, moment_ns, position, share
    )
    GROUP BY part, moment_ns
)
SELECT
    part, list(moment_ns ORDER BY moment_ns) AS moments_ns, list(counted ORDER BY moment_ns) AS calls,
    list(failed ORDER BY moment_ns) AS errors, list(spread ORDER BY moment_ns) AS percentiles_ns
FROM (
    SELECT part, moment_ns, sum(calls)::BIGINT AS counted, sum(errors)::BIGINT AS failed
    FROM sliced
    GROUP BY part, moment_ns
) AS slices
LEFT JOIN spreads USING (part, moment_ns)
GROUP BY part
ORDER BY part

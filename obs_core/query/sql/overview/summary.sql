-- Answers: the number of calls, errors, traces and values, and the percentiles of the calls' durations.
-- Reach: analytical
-- Parameters: group VARCHAR (null: all)
-- Reads: calls(status, trace_id, duration_ns, timestamp), values(timestamp), logs(timestamp)
-- Returns: calls BIGINT, values BIGINT, errors BIGINT, traces BIGINT, p50_ms DOUBLE, p95_ms DOUBLE, p99_ms DOUBLE,
--   first_ns BIGINT, last_ns BIGINT
SELECT
    c.calls, v.readings AS "values", c.errors, c.traces,
    c.percentiles[1] / 1e6 AS p50_ms, c.percentiles[2] / 1e6 AS p95_ms, c.percentiles[3] / 1e6 AS p99_ms,
    least(c.first_ns, v.first_ns, l.first_ns) AS first_ns, greatest(c.last_ns, v.last_ns, l.last_ns) AS last_ns
FROM (
    SELECT
        count(*) AS calls,
        count(*) FILTER (WHERE status = 'ERROR') AS errors,
        count(DISTINCT trace_id) AS traces,
        quantile_cont(duration_ns, [0.5, 0.95, 0.99]) AS percentiles,
        min(timestamp) AS first_ns, max(timestamp) AS last_ns
    FROM calls
) AS c
CROSS JOIN (SELECT count(*) AS readings, min(timestamp) AS first_ns, max(timestamp) AS last_ns FROM values_) AS v
CROSS JOIN (SELECT min(timestamp) AS first_ns, max(timestamp) AS last_ns FROM logs) AS l

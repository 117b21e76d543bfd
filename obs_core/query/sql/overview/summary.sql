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

-- Rollup
WITH {sketches(totals by one)}
SELECT
    c.calls, c.readings AS "values", c.errors, t.traces, p50_ns / 1e6 AS p50_ms, p95_ns / 1e6 AS p95_ms,
    p99_ns / 1e6 AS p99_ms, c.first_ns, c.last_ns
FROM (
    SELECT
        coalesce(sum(calls), 0)::BIGINT AS calls, coalesce(sum(readings), 0)::BIGINT AS readings,
        coalesce(sum(errors), 0)::BIGINT AS errors, min(first_ns) AS first_ns, max(last_ns) AS last_ns
    FROM slots
) AS c
CROSS JOIN (
    SELECT {percentile(0.5)} AS p50_ns, {percentile(0.95)} AS p95_ns, {percentile(0.99)} AS p99_ns FROM ranked
) AS p
CROSS JOIN (SELECT count(DISTINCT trace) AS traces FROM window_traces) AS t

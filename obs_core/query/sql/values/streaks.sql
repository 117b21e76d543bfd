-- Answers: the runs of equal consecutive readings of each series that are longer than `longer_than`, packed as lists per
--   series. Readings are equal if type and value are: numbers as numbers, everything else by its text
--   or, if that does not show the whole value, by the hash of the value. An incomparable reading is equal to no other.
-- Reach: analytical
-- Parameters: group VARCHAR (null: all), process VARCHAR (null: all), data VARCHAR (null: all),
--   skip_missing BOOLEAN, longer_than BIGINT
-- Reads: values(function, process, data, data_type, data_value, timestamp, id, attributes)
-- Returns: process VARCHAR, data VARCHAR, sequence BIGINT[], lengths BIGINT[], starts_ns BIGINT[], ends_ns BIGINT[], texts VARCHAR[],
--   types VARCHAR[], numbers DOUBLE[], missing BOOLEAN[], ongoing BOOLEAN[], argument BOOLEAN, unchanged BOOLEAN
WITH picked AS (
    -- An argument of a call is named after its function: `load.path` of `shop.load`.
    SELECT
        process, data, data_type, data_value, timestamp, id, attributes,
        coalesce(
            contains(data, '.') AND ends_with('.' || "function", '.' || regexp_replace(data, '\.[^.]*$', '')), false
        ) AS argument
    FROM values_
    WHERE ($process IS NULL OR process = $process) AND ($data IS NULL OR data = $data) AND {part(process, data)}
),
{readings},
numbered AS (
    SELECT
        *,
        row_number() OVER series AS position,
        lag(timestamp) OVER series AS before_ns,
        lead(id) OVER series IS NULL AS is_last,
        (
            incomparable
            OR type IS DISTINCT FROM lag(type) OVER series
            OR number IS DISTINCT FROM lag(number) OVER series
            OR other IS DISTINCT FROM lag(other) OVER series
        ) AS differs
    FROM readings
    WINDOW series AS (PARTITION BY process, data ORDER BY timestamp, id)
),
edges AS (
    -- The starts of the runs, and the end of the series: the next edge is the end of a run.
    SELECT *, differs OR position = 1 AS begins
    FROM numbered
    WHERE differs OR position = 1 OR is_last
),
runs AS (
    SELECT
        *,
        coalesce(NOT lead(begins) OVER series, true) AS ongoing,
        sum(begins::INTEGER) OVER (PARTITION BY process, data) = 1 AND NOT incomparable AS unchanged,
        coalesce(lead(position) OVER series - lead(begins) OVER series::INTEGER + 1, position + 1) - position AS length,
        coalesce(
            CASE WHEN lead(begins) OVER series THEN lead(before_ns) OVER series ELSE lead(timestamp) OVER series END,
            timestamp
        ) AS end_ns
    FROM edges
    WINDOW series AS (PARTITION BY process, data ORDER BY position)
)
SELECT
    process, data,
    list(position) AS sequence,
    list(length) AS lengths,
    list(timestamp) AS starts_ns,
    list(end_ns) AS ends_ns,
    list(reading) AS texts,
    list(type) AS types,
    list(number) AS numbers,
    list(missing) AS missing,
    list(ongoing) AS ongoing,
    any_value(argument) AS argument,
    any_value(unchanged) AS unchanged
FROM runs
WHERE begins AND length > $longer_than
GROUP BY process, data
ORDER BY process, data

-- Answers: the runs of equal consecutive readings of each series that are longer than `longer_than`, packed as lists per
--   series. Readings are equal if type and value are: numbers as numbers, everything else by its text
--   or, if that does not show the whole value, by the hash of the value. An incomparable reading is equal to no other.
-- Reach: analytical
-- Parameters: group VARCHAR (null: all), process VARCHAR (null: all), data VARCHAR (null: all),
--   skip_missing BOOLEAN, longer_than BIGINT
-- Reads: values(process, data, data_type, data_value, timestamp, id, attributes)
-- Returns: process VARCHAR, data VARCHAR, sequence BIGINT[], lengths BIGINT[], starts_ns BIGINT[], ends_ns BIGINT[], texts VARCHAR[],
--   types VARCHAR[], numbers DOUBLE[], missing BOOLEAN[], ongoing BOOLEAN[]
WITH texts AS (
    -- repr() wraps the numbers of NumPy and decimal: np.float64(1.5), Decimal('1.5').
    SELECT
        process, data, timestamp, id, data_value AS reading, attributes, coalesce(data_type, '') AS type,
        -- A text of more than 65,536 bytes was cut (`long_cells.analysed`), or is read whole.
        coalesce(regexp_matches(attributes, '"obs\.value\.incomparable": ?true'), false)
            OR coalesce(ends_with(reading, ' bytes in all]') OR strlen(reading) > 65536, false) AS incomparable,
        CASE
            WHEN incomparable OR NOT regexp_matches(type, '^([A-Za-z_]+\.)*([Uu]?[Ii]nt|[Ff]loat|[Dd]ouble|[Dd]ecimal|[Rr]eal|[Nn]um|INT|FLOAT|DOUBLE|REAL|NUM|$)') THEN NULL
            WHEN ends_with(reading, ')') THEN regexp_extract(reading, '^(?:np\.[a-z0-9]+|Decimal)\(''?([^'')]*)''?\)$', 1)
            ELSE reading
        END AS digits
    FROM values_
    WHERE ($process IS NULL OR process = $process) AND ($data IS NULL OR data = $data)
),
typed AS (
    SELECT
        *, TRY_CAST(digits AS DOUBLE) AS number,
        NOT incomparable AND (
            type = 'NoneType'
            OR reading IS NULL
            OR (reading = '' AND type NOT IN ('str', 'bytes', 'string'))
            OR coalesce(isnan(number), false)
        ) AS missing
    FROM texts
),
readings AS (
    -- Integers beyond 2^53, which share doubles, are compared by their digits.
    SELECT
        * EXCLUDE (attributes, digits),
        coalesce(
            CASE WHEN NOT coalesce(isnan(number), false)
            THEN nullif(regexp_extract(attributes, '"obs\.value\.hash": ?"([0-9a-f]+)"', 1), '') END,
            CASE WHEN number IS NULL
                OR (abs(number) >= 9007199254740992 AND regexp_full_match(digits, '[+-]?\d+')) THEN reading END
        ) AS other
    FROM typed
    WHERE NOT ($skip_missing AND missing)
),
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
    list(ongoing) AS ongoing
FROM runs
WHERE begins AND length > $longer_than
GROUP BY process, data
ORDER BY process, data

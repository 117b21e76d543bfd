-- How far the log is sealed, and what identifies it: one row.
CREATE TABLE sealed (
    one          INTEGER PRIMARY KEY CHECK (one = 1),
    from_id      INTEGER NOT NULL,
    until_id     INTEGER NOT NULL,
    older_ns     INTEGER,
    superseded   INTEGER NOT NULL,
    first_anchor TEXT NOT NULL,
    last_anchor  TEXT NOT NULL
) STRICT;

-- The Parquet files that make up the archive; those with gone_ns have been replaced and are deleted soon.
CREATE TABLE piece (
    id       INTEGER PRIMARY KEY,
    what     TEXT NOT NULL,
    day      INTEGER NOT NULL,
    file     TEXT NOT NULL UNIQUE,
    rows     INTEGER NOT NULL,
    bytes    INTEGER NOT NULL,
    checksum TEXT NOT NULL,
    first_ns INTEGER NOT NULL,
    last_ns  INTEGER NOT NULL,
    first_id INTEGER NOT NULL,
    last_id  INTEGER NOT NULL,
    gone_ns  INTEGER
) STRICT;

CREATE INDEX idx_piece_now ON piece (what, day) WHERE gone_ns IS NULL;

-- The newest id of the log, and when it was seen: rows are sealed some time after.
CREATE TABLE seen (
    id      INTEGER PRIMARY KEY,
    seen_ns INTEGER NOT NULL
) STRICT

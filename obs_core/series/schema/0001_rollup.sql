-- How far the log has been followed, and by which variants of streaks.
CREATE TABLE followed (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    id       INTEGER NOT NULL,
    variants TEXT NOT NULL
) STRICT;

-- Each series as far as it has been followed: its newest reading, and the streaks it is in.
CREATE TABLE series (
    process       TEXT NOT NULL,
    data          TEXT NOT NULL,
    process_group TEXT,
    last_ns       INTEGER NOT NULL,
    last_id       INTEGER NOT NULL,
    beat_ns       INTEGER NOT NULL,
    streaks       TEXT NOT NULL,
    PRIMARY KEY (process, data)
) STRICT, WITHOUT ROWID;

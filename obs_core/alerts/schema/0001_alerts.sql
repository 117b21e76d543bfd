-- Rules made on the page or the command line (those of rules.toml stay in their file).
CREATE TABLE rule (
    name       TEXT PRIMARY KEY,
    definition TEXT NOT NULL,
    created_ns INTEGER NOT NULL
) STRICT;

-- Snoozes of any rule, also of one from the file; evaluation continues, deliveries are suppressed.
CREATE TABLE snooze (
    rule     TEXT PRIMARY KEY,
    until_ns INTEGER NOT NULL
) STRICT;

-- How far each rule was evaluated: the last id of the log, and its condition then (a changed condition starts over).
CREATE TABLE judged (
    rule      TEXT PRIMARY KEY,
    condition TEXT NOT NULL,
    id        INTEGER NOT NULL,
    moment_ns INTEGER NOT NULL
) STRICT;

-- The present state of each alert: one rule and one set of labels.
CREATE TABLE alert (
    rule        TEXT NOT NULL,
    labels      TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    severity    TEXT NOT NULL,
    state       TEXT NOT NULL,
    since_ns    INTEGER NOT NULL,
    value       TEXT,
    annotations TEXT NOT NULL,
    machine     TEXT NOT NULL,
    PRIMARY KEY (rule, labels)
) STRICT, WITHOUT ROWID;

-- Changes of an alert's state, each created once.
CREATE TABLE flip (
    id          INTEGER PRIMARY KEY,
    rule        TEXT NOT NULL,
    labels      TEXT NOT NULL,
    state_from  TEXT NOT NULL,
    state_to    TEXT NOT NULL,
    moment_ns   INTEGER NOT NULL,
    value       TEXT,
    annotations TEXT NOT NULL,
    severity    TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    starts_ns   INTEGER,
    ends_ns     INTEGER
) STRICT;

CREATE UNIQUE INDEX idx_flip ON flip (rule, labels, moment_ns, state_from, state_to);

-- What an alert of this rule has met before: exception types.
CREATE TABLE met (
    rule TEXT NOT NULL,
    word TEXT NOT NULL,
    PRIMARY KEY (rule, word)
) STRICT, WITHOUT ROWID;

-- Messages about flips: status is queued, sent, failed or suppressed; error says why.
CREATE TABLE delivery (
    id              INTEGER PRIMARY KEY,
    flip_id         INTEGER NOT NULL,
    receiver        TEXT NOT NULL,
    group_key       TEXT NOT NULL,
    status          TEXT NOT NULL,
    attempts        INTEGER NOT NULL DEFAULT 0,
    next_try_ns     INTEGER,
    sent_ns         INTEGER,
    response_status INTEGER,
    error           TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE UNIQUE INDEX idx_delivery ON delivery (flip_id, receiver);

CREATE INDEX idx_delivery_status ON delivery (status, next_try_ns);

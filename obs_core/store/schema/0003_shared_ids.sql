-- Spans that share their id with another span: a client's and a server's half, or two instances that answered one call.
-- Each has an id of its own in the log, which this table leads to: rows that name the shared id as their parent may
-- arrive later. Few logs have any; a look at an empty table takes 2 µs per batch.
CREATE TABLE shared_ids (
    trace_id  TEXT NOT NULL,
    shared_id TEXT NOT NULL,
    own_id    TEXT NOT NULL,
    PRIMARY KEY (trace_id, own_id)
) STRICT

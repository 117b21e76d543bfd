-- Webhooks with their secrets: only the owner can read this file once there is one. `seen`: the last flip that was queued.
CREATE TABLE webhook (
    name    TEXT PRIMARY KEY,
    config  TEXT NOT NULL,
    made_ns INTEGER NOT NULL,
    seen    INTEGER
) STRICT;

-- The state of each group of a webhook, and when it is flushed next (obs_core.alerts.deliver.grouping).
CREATE TABLE delivery_group (
    receiver     TEXT NOT NULL,
    labels       TEXT NOT NULL,
    group_key    TEXT NOT NULL,
    state        TEXT NOT NULL,
    next_ns      INTEGER,
    attempts     INTEGER NOT NULL DEFAULT 0,
    first_try_ns INTEGER,
    PRIMARY KEY (receiver, labels)
) STRICT, WITHOUT ROWID;

CREATE INDEX idx_delivery_group ON delivery_group (next_ns) WHERE next_ns IS NOT NULL;

-- The queue of a group: without this index, 10,000 flips in 10,000 groups are queued in 19 s instead of 1 s.
CREATE INDEX idx_delivery_waiting ON delivery (receiver, group_key) WHERE status = 'queued';

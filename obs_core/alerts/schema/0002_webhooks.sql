-- Webhooks, with their secrets: this file is for its owner alone once there is one. `seen`: the last flip it was asked about.
CREATE TABLE webhook (
    name    TEXT PRIMARY KEY,
    config  TEXT NOT NULL,
    made_ns INTEGER NOT NULL,
    seen    INTEGER
) STRICT;

-- What a webhook was told of each of its groups, and when the group is looked at again (obs_core.alerts.deliver.grouping).
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

-- What waits in a group: without it, 10,000 flips in 10,000 groups are queued in 19 s instead of 1 s.
CREATE INDEX idx_delivery_waiting ON delivery (receiver, group_key) WHERE status = 'queued';

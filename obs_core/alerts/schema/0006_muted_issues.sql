-- Issues of the Overview (exceptions by type and raising frame) that a reader has muted: they are not listed.
CREATE TABLE muted_issue (
    issue    TEXT PRIMARY KEY,
    muted_ns INTEGER NOT NULL
) STRICT

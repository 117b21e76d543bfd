-- What a rule finds in the past is recorded, and no webhook is notified of it.
ALTER TABLE transition ADD COLUMN is_history INTEGER NOT NULL DEFAULT 0;

-- It has a row while the watcher is in the middle of many rows: an alert that fires there may have ended since.
CREATE TABLE catching_up (since_ns INTEGER NOT NULL) STRICT;

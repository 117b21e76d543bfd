-- Rows with ids up to pruned_id are, or will be, deleted from the log: the pieces alone have them. pruned_ns is the time
-- of the latest of them, pruned_at_ns when pruned_id was set.
ALTER TABLE sealed ADD COLUMN pruned_id INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sealed ADD COLUMN pruned_ns INTEGER;
ALTER TABLE sealed ADD COLUMN pruned_at_ns INTEGER NOT NULL DEFAULT 0

-- Changes while an alert flaps are recorded and not told; that it begins and ceases to flap are flips of their own.
ALTER TABLE flip ADD COLUMN while_flapping INTEGER NOT NULL DEFAULT 0;

-- Flips while an alert flaps are recorded and not sent; start and end of flapping are flips of their own.
ALTER TABLE flip ADD COLUMN while_flapping INTEGER NOT NULL DEFAULT 0;

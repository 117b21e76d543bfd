-- The starts of streaks are packed as integers of 64 bits.
DELETE FROM series;

DELETE FROM followed;

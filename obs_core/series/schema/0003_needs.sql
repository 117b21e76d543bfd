-- Each series is in the streaks that rules about it need: what they are is kept as texts.
DELETE FROM series;

DELETE FROM followed;

ALTER TABLE followed RENAME COLUMN variants TO needs;

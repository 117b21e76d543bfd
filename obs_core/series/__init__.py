"""Streaks of equal readings in series, updated as the log grows; the saved state can be deleted and is rebuilt."""

"""Questions about the log, and the ways to reach it."""

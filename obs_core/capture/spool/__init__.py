"""The memory-mapped spool: frames wait there until they are rows of the log."""

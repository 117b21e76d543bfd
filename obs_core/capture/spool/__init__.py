"""The memory-mapped spool: the queue of frames that are not rows of the log yet."""

"""The parts of the Code Inspector page: finder, source, performance, versions, callers and calls."""

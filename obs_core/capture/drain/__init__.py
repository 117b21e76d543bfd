"""The drain: moves frames from spools into the log."""

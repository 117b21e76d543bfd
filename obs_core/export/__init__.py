"""Writes rows to files: one module per format, found by `registry`."""

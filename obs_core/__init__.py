"""Trace Python programs into one SQLite file. Needs the standard library only."""

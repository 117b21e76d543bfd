"""Compares the rows of the plain Logs page, read by one SQL statement, with those of the Trace Explorer."""

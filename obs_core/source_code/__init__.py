"""The source of traced functions: locating, highlighting and comparing it."""

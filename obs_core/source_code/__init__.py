"""The source of traced functions: where it is, and how it is painted."""

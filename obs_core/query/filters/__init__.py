"""Filters of rows: their fields, their SQL, paging and search."""

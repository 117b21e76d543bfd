"""Decorators, wrappers and spans: they turn calls of traced functions into frames."""

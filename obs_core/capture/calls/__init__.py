"""Traced functions: decorators, wrappers and spans turn calls into frames."""

"""The description of values: their type and a bounded, redacted text."""

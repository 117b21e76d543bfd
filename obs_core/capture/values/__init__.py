"""What is recorded of a value: its type and a bounded, redacted text."""

"""Rule evaluation: rows of the log in, state changes of alerts out."""

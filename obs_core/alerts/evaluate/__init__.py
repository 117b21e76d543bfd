"""Rule evaluation: rows of the log go in, alert transitions come out."""

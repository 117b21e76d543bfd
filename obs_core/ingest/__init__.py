"""Other people's traces become rows: a module per format, and `files` that imports them."""

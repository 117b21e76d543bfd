"""Alert rules: what they are, how their fields are read, and where they come from."""

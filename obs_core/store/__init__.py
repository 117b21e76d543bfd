"""The log on disk: its schema, the one door to SQLite, and the only code that writes rows."""

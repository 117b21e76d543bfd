"""The log on disk: its schema, the SQLite adapter, and the only code that writes rows."""

"""Other people's traces become rows."""

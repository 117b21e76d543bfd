"""The checks of `python -m obs_core doctor`: each returns what it found as a `Finding`, and raises nothing."""

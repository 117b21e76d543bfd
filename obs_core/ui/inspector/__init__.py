"""The parts of the Code Inspector page."""

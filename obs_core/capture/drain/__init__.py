"""The drain: turns the frames of spools into rows and writes them to the log."""

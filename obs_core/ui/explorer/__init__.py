"""The parts of the Trace Explorer and Logs pages."""

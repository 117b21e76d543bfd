"""The parts of the Overview page: stat cards, writers, errors, groups and functions."""

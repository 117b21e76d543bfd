"""Rules over the log: judging them, keeping what was found, telling who wants to know."""

"""The write side: turns the calls of a traced program into rows of the log. Standard library only."""

"""A small real program, traced by our own decorator, so that there is something to look at."""

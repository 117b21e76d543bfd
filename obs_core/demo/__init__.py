"""The demo: a small program traced with our own decorator."""

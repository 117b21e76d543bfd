"""Runs the dashboard's child processes (receiver and watcher): restarts them, and reports their status."""

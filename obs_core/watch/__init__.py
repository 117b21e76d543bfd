"""The watcher: follows the log, evaluates alert rules on new rows, and recovers the spools of dead programs."""

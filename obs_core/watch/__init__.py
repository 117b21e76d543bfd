"""The loop that follows the log: judges its new rows, keeps what pages need ready, recovers what dead programs left."""

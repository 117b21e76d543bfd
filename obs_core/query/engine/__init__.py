"""The ways to reach the log: DuckDB workers, SQLite readers, and the planner that chooses between them."""

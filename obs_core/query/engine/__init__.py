"""Access to the log: DuckDB workers, SQLite connections, and the planner that chooses how a query reads the log."""

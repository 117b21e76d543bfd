"""The programs that the dashboard starts beside itself, and what became of them."""

"""Forwards the log's rows to an endpoint of OTLP over HTTP, at least once, in a process of its own."""

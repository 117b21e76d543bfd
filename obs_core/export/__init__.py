"""Rows become files: CSV, OTLP JSON, Jaeger JSON."""

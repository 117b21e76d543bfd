"""OTLP's protobuf messages as rows; needs opentelemetry-proto, which takes 60 ms to load."""

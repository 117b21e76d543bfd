"""The states of one alert: Prometheus' state machine, with flapping on top; pure functions."""

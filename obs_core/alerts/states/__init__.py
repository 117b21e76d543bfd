"""The state machine of one alert, with flapping; pure functions."""

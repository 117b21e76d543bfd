"""Delivery: transitions of alerts become messages to webhooks; grouping, retries and the delivery log."""

"""Alerts: rules, their evaluation, the ledger of alerts and transitions, and delivery to webhooks."""

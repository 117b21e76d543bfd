"""The parts of the Alerts page: active alerts, rules, webhooks and the delivery log."""

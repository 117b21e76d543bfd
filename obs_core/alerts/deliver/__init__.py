"""Flips of alerts become messages to webhooks: which, when, how they look, and what became of them."""

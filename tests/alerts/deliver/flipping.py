"""Flips for tests, written as judging writes them."""

import sqlite3

from obs_core.alerts import ledger
from obs_core.alerts.ledger import AlertTransition


def flip(
    book: sqlite3.Connection,
    to: str,
    moment_ns: int,
    *,
    before: str = "inactive",
    rule: str = "stale price",
    severity: str = "warning",
    starts_ns: int | None = None,
    while_flapping: bool = False,
    **labels: str,
) -> None:
    """Record one flip of the alert with these labels."""
    named = {"alertname": rule, "process": "feed", **labels}
    ended = moment_ns if to in {"resolved", "inactive"} else None
    starts = moment_ns if starts_ns is None else starts_ns
    text = ledger.text_of(named)
    notes = ledger.text_of({"summary": "equal for long"})
    mark = ledger.fingerprint(named)
    facts = (text, before, to, moment_ns, "1.5", notes, severity, mark, starts, ended, while_flapping)
    ledger.record(book, [AlertTransition(rule, *facts)], [])

"""Transitions for tests, recorded as evaluation records them."""

import sqlite3

from obs_core.alerts import ledger
from obs_core.alerts.ledger import AlertTransition


def record_transition(
    connection: sqlite3.Connection,
    to: str,
    timestamp_ns: int,
    *,
    before: str = "inactive",
    rule: str = "stale price",
    severity: str = "warning",
    starts_ns: int | None = None,
    while_flapping: bool = False,
    **labels: str,
) -> None:
    """Record one transition of the alert with these labels."""
    all_labels = {"alertname": rule, "process": "feed", **labels}
    ends_ns = timestamp_ns if to in {"resolved", "inactive"} else None
    transition = AlertTransition(
        rule,
        ledger.text_of(all_labels),
        before,
        to,
        timestamp_ns,
        "1.5",
        ledger.text_of({"summary": "equal for long"}),
        severity,
        ledger.fingerprint(all_labels),
        timestamp_ns if starts_ns is None else starts_ns,
        ends_ns,
        while_flapping,
    )
    ledger.record(connection, [transition], [])

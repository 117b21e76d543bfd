"""Muted issues: the issues that pages do not list, for all readers of the log. They are in the ledger of alerts."""

import logging
from contextlib import closing
from typing import Final

from obs_core.alerts import ledger
from obs_core.clock import now_ns
from obs_core.settings import log_path
from obs_core.store import sqlite

SHOWN: Final = "o_show_muted"
"""The key of the control that lists muted issues too."""

_log = logging.getLogger(__name__)


def muted() -> frozenset[str]:
    """Return the issues that are muted; none while the ledger can't be read."""
    log = log_path().absolute()
    if not ledger.path_of(log).exists():
        return frozenset()
    try:
        with closing(ledger.open_ledger(log)) as connection:
            return frozenset(ledger.muted_issues(connection))
    except sqlite.Error as error:
        _log.warning("Muted issues can't be read: %s", error)
        return frozenset()


def mute(issue: str) -> None:
    """Mute an issue, as a callback."""
    with closing(ledger.open_ledger(log_path().absolute())) as connection:
        ledger.mute_issue(connection, issue, now_ns())


def unmute(issue: str) -> None:
    """List an issue again, as a callback."""
    with closing(ledger.open_ledger(log_path().absolute())) as connection:
        ledger.unmute_issue(connection, issue)

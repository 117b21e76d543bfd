"""The ledger of alerts as pages use it: opened for a moment, and its troubles said as the product's own errors."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from obs_core.alerts import ledger
from obs_core.alerts.snapshot import AlertsSnapshot, snapshot
from obs_core.clock import now_ns
from obs_core.settings import from_environment
from obs_core.store import sqlite


@contextmanager
def opened() -> Iterator[sqlite.Connection]:
    """The ledger of the dashboard's log, made if need be; closed after the block.

    Raises:
        ObsError: it can't be read or written.
    """
    log = from_environment().log.absolute()
    try:
        with closing(ledger.open_ledger(log)) as found:
            yield found
    except sqlite.Error as error:
        raise sqlite.translate_error(error, ledger.path_of(log)) from error


def now() -> AlertsSnapshot:
    """How rules and alerts stand now."""
    return snapshot(from_environment().log.absolute(), now_ns())


def is_there() -> bool:
    """Whether anything was ever made or judged for this log."""
    return ledger.path_of(from_environment().log.absolute()).exists()

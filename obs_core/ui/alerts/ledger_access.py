"""Access to the ledger of alerts for pages: opened per use, its errors translated to the product's own."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from obs_core.alerts import ledger
from obs_core.alerts.snapshot import AlertsSnapshot, snapshot
from obs_core.clock import now_ns
from obs_core.settings import from_environment
from obs_core.store import sqlite


@contextmanager
def opened() -> Iterator[sqlite.Connection]:
    """The ledger of the dashboard's log, created if it does not exist; closed after the block.

    Raises:
        ObsError: it can't be read or written.
    """
    log = from_environment().log.absolute()
    try:
        with closing(ledger.open_ledger(log)) as connection:
            yield connection
    except sqlite.Error as error:
        raise sqlite.translate_error(error, ledger.path_of(log)) from error


def now() -> AlertsSnapshot:
    """The current rules and alerts."""
    return snapshot(from_environment().log.absolute(), now_ns())


def is_there() -> bool:
    """Whether the log has a ledger: a rule or webhook was saved, or rules were evaluated."""
    return ledger.path_of(from_environment().log.absolute()).exists()

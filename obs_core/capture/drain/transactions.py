"""Transactions of a drain: they wait for a locked log only as long as a batch may take."""

from contextlib import ExitStack
from typing import Final

from obs_core.store import sqlite
from obs_core.system import monotonic, sleep

BUSY_S: Final = 1.0  # how long a batch waits for another program's lock before it fails
_RETRY_S: Final = 0.002  # between two tries; SQLite's own handler waits up to 100 ms and misses gaps between batches


def begin(stack: ExitStack, connection: sqlite.Connection) -> None:
    """Begin a transaction on `stack`; wait up to a second while other programs write.

    Raises:
        sqlite.Error: the log is still locked, or can't be written.
    """
    deadline = monotonic() + BUSY_S
    while True:
        try:
            stack.enter_context(sqlite.transaction(connection))
        except sqlite.Error as error:
            if not str(error).endswith("locked") or monotonic() > deadline:
                raise
            sleep(_RETRY_S)
        else:
            return

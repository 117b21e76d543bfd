"""Which rows of a log the forwarder still needs: retention waits for them, but not for ever."""

from contextlib import closing
from pathlib import Path
from typing import Final

from obs_core.clock import now_ns
from obs_core.errors import ObsError
from obs_core.forward.endpoint import endpoint_of
from obs_core.forward.positions import Positions
from obs_core.settings import Settings
from obs_core.store import sqlite

EVERYTHING: Final[int] = 2**63 - 1
"""No row is needed: rows up to this id may go."""


def needed_id(log: Path, settings: Settings) -> int:
    """The id up to which the forwarder does not need the log's rows any more.

    It needs those that it has not sent, if they are not older than `OBS_FORWARD_HOLD`: an endpoint that is away for
    longer must not fill the disk. Rows of an endpoint that is no longer set are not needed.

    Raises:
        ObsError: the log can't be read.
    """
    if not settings.forward or not settings.forward_hold_ns:
        return EVERYTHING
    try:
        positions = Positions(log, endpoint_of(settings).text)
    except ObsError:  # a setting that can't be used: nothing is forwarded
        return EVERYTHING
    known = [position for signal in settings.forward_signals if (position := positions.of(signal))]
    if not known:
        return EVERYTHING
    up_to_id = min(position.up_to_id for position in known)
    with closing(sqlite.connect(log)) as connection:
        statement = "SELECT min(id) FROM data_trace WHERE timestamp >= ?"
        first = connection.execute(statement, (now_ns() - settings.forward_hold_ns,)).fetchone()[0]
    return EVERYTHING if first is None else max(up_to_id, int(first) - 1)

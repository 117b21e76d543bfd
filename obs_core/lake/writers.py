"""Which logs write to a lake, and how far each is."""

from typing import NamedTuple

from obs_core.lake.lake import Lake
from obs_core.lake.source import Mark, Source


class Writer(NamedTuple):
    """A log that writes to the lake: its number, its host and path there, and how far it is."""

    source: int
    host: str
    log: str
    mark: Mark


def writers(lake: Lake) -> list[Writer]:
    """All of them, by their numbers.

    Raises:
        scanner.Error: the lake can't be read.
    """
    rows = lake.rows("SELECT source, host, log FROM lake.source ORDER BY source")
    return [Writer(number, host, log, Source(lake, number).mark()) for number, host, log in rows]

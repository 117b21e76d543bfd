"""Which logs write to a lake, and how far each is."""

from typing import NamedTuple

from obs_core.lake.lake import Lake
from obs_core.lake.writer import Mark, Writer


class WriterState(NamedTuple):
    """A log that writes to the lake: its number, its host and path there, and how far it is."""

    writer: int
    host: str
    log: str
    mark: Mark


def writers(lake: Lake) -> list[WriterState]:
    """All of them, by their numbers.

    Raises:
        scanner.Error: the lake can't be read.
    """
    rows = lake.rows("SELECT writer, host, log FROM lake.writer ORDER BY writer")
    return [WriterState(number, host, log, Writer(lake, number).mark()) for number, host, log in rows]

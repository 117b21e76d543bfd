"""How much is sealed at once and when, and how much is kept; for the watcher, without DuckDB and Arrow."""

from dataclasses import dataclass
from typing import Final

from obs_core.clock import SECOND

_LOOK: Final = 30_000


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is sealed at once, and when."""

    batch_rows: int = 60_000
    look: int = _LOOK  # ids on either side in which the parents and children of a batch are searched for
    forward_rows: int = 50_000  # settled rows until the next step: pieces of 1,000 rows took questions 39 ms, not 7
    settle_ns: int = 600 * SECOND  # a row is settled when it was in the log for this time
    day_rows: int = 200_000  # a day with more rows stays divided into batches: 333,000 did not fit into 280 MB


@dataclass(frozen=True, slots=True)
class Keep:
    """What is kept: rows in the log, rows in the archive, and rollups by age, all by size; None: everything.

    The log always keeps the `newest` sealed rows: new rows may be their children.
    """

    rows_ns: int | None = None
    archive_ns: int | None = None
    rollups_ns: int | None = None
    max_bytes: int | None = None
    newest: int = _LOOK

    @property
    def everything(self) -> bool:
        """Whether nothing is ever deleted."""
        return self == Keep(newest=self.newest)

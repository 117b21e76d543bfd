"""How much the sealer seals at once, and when; without DuckDB, for the watcher that starts it."""

from dataclasses import dataclass

from obs_core.clock import SECOND


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is sealed at once, and when."""

    batch_rows: int = 60_000
    look: int = 30_000  # ids on either side in which the parents and children of a batch are searched for
    forward_rows: int = 50_000  # settled rows until the next step: pieces of 1,000 rows took questions 39 ms, not 7
    settle_ns: int = 600 * SECOND  # a row is settled when it was in the log for this time
    day_rows: int = 200_000  # a day with more rows stays divided into batches: 333,000 did not fit into 280 MB

"""The result of appending rows to the log."""

from dataclasses import dataclass, field

from obs_core.model import Row


@dataclass(slots=True)
class Outcome:
    """`stored`: new rows in the log; `merged` into rows that were there; `differing` rows are not stored, and why."""

    stored: int = 0
    merged: int = 0
    differing: list[tuple[Row, str]] = field(default_factory=list)

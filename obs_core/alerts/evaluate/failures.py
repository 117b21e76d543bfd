"""What fails while rules are evaluated: a rule that raises an error, and rows that are skipped or counted.

One bad rule or row never stops the others. A rule that raises is reported as `RuleFailed`, and whoever evaluates goes
back to the last recorded position and continues without it.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal, NoReturn

from obs_core.alerts.rules.model import Rule
from obs_core.errors import ObsError
from obs_core.store import sqlite

Reason = Literal["unreadable", "skipped", "no time", "far time", "untracked"]
_LONGEST: Final = 300
_CELLS: Final = 1 << 20


class RuleFailed(Exception):
    """The check of one of `rules` raised an error; rules of the same family are checked together."""

    def __init__(self, rules: Iterable[Rule], error: BaseException) -> None:
        """Name the rules, and the error."""
        self.rules = tuple(rules)
        self.text = error_text(error)
        super().__init__(self.text)


FATAL: Final = (RuleFailed, ObsError, sqlite.Error, OSError, MemoryError)
"""Errors that are not about one row: a failed rule, and what is wrong with a file or the machine."""


def fail(error: Exception, rules: Iterable[Rule]) -> NoReturn:
    """Raise `error` as the failure of `rules`, unless it is one already, or is about a file.

    Raises:
        RuleFailed: a rule is the reason.
    """
    if isinstance(error, FATAL):
        raise error
    raise RuleFailed(rules, error) from error


def error_text(error: BaseException) -> str:
    """The type and the message of an error, shortened."""
    return f"{type(error).__name__}: {error}"[:_LONGEST]


@dataclass(slots=True)
class RowCount:
    """How many rows there were, the id of the last one, and why."""

    count: int = 0
    last_id: int = 0
    text: str = ""


@dataclass(slots=True)
class RowCounts:
    """Rows that are not evaluated like others, by reason; a row that is read again is not counted again."""

    by_reason: dict[Reason, RowCount] = field(default_factory=dict)
    _series: bytearray | None = None

    def add(self, reason: Reason, row_id: int, text: str = "") -> None:
        """Count a row."""
        counted = self.by_reason.setdefault(reason, RowCount())
        if row_id > counted.last_id:
            counted.count += 1
            counted.last_id, counted.text = row_id, text[:_LONGEST]

    def add_untracked(self, row_id: int, series: tuple[str, str]) -> None:
        """Count a reading of a series that is not tracked."""
        self.add("untracked", row_id)
        if self._series is None:
            self._series = bytearray(_CELLS)
        self._series[hash(series) % _CELLS] = 1

    def untracked_series(self) -> int:
        """About how many series are not tracked: linear counting (Whang et al. 1990), in a megabyte."""
        if self._series is None:
            return 0
        empty = max(1, self._series.count(0))
        return round(_CELLS * math.log(_CELLS / empty))

"""What rollups have of a window: whole slices of time in files, and the rows that are in no whole slice."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

from obs_core.clock import DAY, Window
from obs_core.query.engine import mirror
from obs_core.query.engine.archive_reader import ArchiveView
from obs_core.query.engine.sql_file import SqlFile, parsed

_HEADER: Final = "-- Answers: the columns that rollups count\n-- Reach: analytical\n-- Returns: n BIGINT\n-- Reads: "
CALL_ROWS: Final = parsed(
    "rollup calls",
    f"{_HEADER}rows_(kind, status, timestamp, process, process_group, function, data, duration_ns, trace_id)\nSELECT 1",
)
"""The columns that the relations need of rows."""
MEASURE_ROWS: Final = parsed(
    "rollup measures",
    f"{_HEADER}rows_(kind, status, timestamp, id, process_group, function, data, duration_ns, memory_delta)\nSELECT 1",
)
"""The columns that the relations of one function's measures need of rows."""
VALUE_ROWS: Final = parsed(
    "rollup values",
    f"{_HEADER}values(timestamp, id, process, process_group, data, data_type, data_value)\nSELECT 1",
)
"""The columns that the relations of values need of rows."""


def whole(window: Window, unit_ns: int) -> Window | None:
    """The whole slices of `unit_ns` in `window`; None if there is none."""
    start, end = -(-window.from_ns // unit_ns) * unit_ns, window.to_ns // unit_ns * unit_ns
    return Window(start, end) if start < end else None


def divided(window: Window, unit_ns: int) -> tuple[Window | None, list[Window]]:
    """The whole slices in a window, and what is before and after them."""
    inner = whole(window, unit_ns)
    if inner is None:
        return None, [window]
    return inner, around(window, [inner])


def around(window: Window, parts: Sequence[Window]) -> list[Window]:
    """What of a window is in none of these parts of it, which are in order."""
    ends = [window.from_ns, *(end for part in parts for end in (part.from_ns, part.to_ns)), window.to_ns]
    rest = [Window(*pair) for pair in zip(ends[::2], ends[1::2], strict=True)]
    return [part for part in rest if part.from_ns < part.to_ns]


def rolled_days(view: ArchiveView, window: Window, what: str, *, like: str = "r_rows") -> list[Window]:
    """The parts of `window` in days that have as many pieces of the kind `what` as of the kind `like`, in order.

    Days that were sealed by an earlier version have fewer.
    """
    counts = [Counter(piece.day for piece in view.pieces if piece.what == kind) for kind in (what, like)]
    fewer = [
        Window(day * DAY, (day + 1) * DAY)
        for day in sorted({*counts[0], *counts[1]})
        if counts[0][day] != counts[1][day]
    ]
    inside = [Window(max(day.from_ns, window.from_ns), min(day.to_ns, window.to_ns)) for day in fewer]
    return around(window, [day for day in inside if day.from_ns < day.to_ns])


def parquet(files: Sequence[str]) -> str:
    """DuckDB's table function that reads these files."""
    names = ", ".join("'" + name.replace("'", "''") + "'" for name in files)
    return f"read_parquet([{names}])"


@dataclass(frozen=True, slots=True)
class Slices:
    """The slices of a window in an archive; `partials` are the statements of partial answers by their names."""

    window: Window
    view: ArchiveView
    parameters: Mapping[str, object]
    partials: dict[str, str] = field(default_factory=dict)

    @property
    def group(self) -> str:
        """The condition that selects the group of the question, after others."""
        return "" if self.parameters.get("group") is None else " AND process_group = $group"

    @property
    def split_ns(self) -> int | None:
        """The parameter `split_ns`, if it is given, within the window."""
        split_ns = self.parameters.get("split_ns")
        if split_ns is None:
            return None
        assert isinstance(split_ns, int)
        return max(self.window.from_ns, min(self.window.to_ns, split_ns))

    def sides(self) -> list[tuple[Window, bool]]:
        """The parts of the window before and after `split_ns`, and whether they are earlier."""
        if self.split_ns is None:
            return [(self.window, False)]
        return [(Window(self.window.from_ns, self.split_ns), True), (Window(self.split_ns, self.window.to_ns), False)]

    def of(self, what: str, unit_ns: int, inner: Window | None, selected: str) -> str:
        """The rollups of the whole slices `inner`, with a UNION ALL behind them; nothing if there are none."""
        files = self.view.files(what, inner) if inner else []
        if not inner or not files:
            return ""
        slots = f"slot >= {inner.from_ns // unit_ns} AND slot < {inner.to_ns // unit_ns}"
        return f"SELECT {selected} FROM {parquet(files)} WHERE {slots}{self.group} UNION ALL "

    def stored(self, statement: str, selected: str) -> str:
        """As `of`, from a table that the worker makes by this statement and keeps."""
        group = self.parameters.get("group")
        name = f"partial_{blake2b(f'{group!r} {statement}'.encode(), digest_size=16).hexdigest()}"
        self.partials[name] = statement
        return f"SELECT {selected} FROM {name} UNION ALL "

    def rows(self, file: SqlFile, edges: Sequence[Window], more: str = "") -> str:
        """The rows of the window that are in no whole slice, or behind the archive, with the columns of `file`.

        `more` is a column of pieces that the log lacks: a number, NULL for the rows behind the archive.
        """
        [(relation, names)] = file.reads.items()
        columns = ", ".join(
            f'{mirror.hashed(name)} AS "{name}"' if name in mirror.IDS else f'"{name}"' for name in names
        )
        where = " AND kind = 'value'" if relation == "values" else ""
        lacking, more = (f", NULL::BIGINT AS {more}", f", {more}") if more else ("", "")
        parts = [f"SELECT {', '.join(names)}{lacking} FROM tail{' WHERE is_value' if where else ''}"]
        if edges and (files := self.view.files("rows", *edges)):
            times = " OR ".join(f"(timestamp >= {edge.from_ns} AND timestamp < {edge.to_ns})" for edge in edges)
            parts.append(f"SELECT {columns}{more} FROM {parquet(files)} WHERE ({times}){self.group}{where}")
        return " UNION ALL ".join(parts)


def names_in(statement: str, names: Sequence[str]) -> list[str]:
    """Which of these relations a statement reads."""
    return [name for name in names if re.search(rf"\b{name}\b", statement)]

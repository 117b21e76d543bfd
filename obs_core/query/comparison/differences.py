"""Reads the rows of a window in both ways and lists every difference: rows, order, count and values."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

from obs_core.clock import Window
from obs_core.errors import BadParameter
from obs_core.model import CANONICAL, ROW_CAP
from obs_core.query.comparison import old_logs
from obs_core.query.comparison.old_logs import Cells, OldFilter
from obs_core.query.engine.engine import Engine
from obs_core.query.filters import paging
from obs_core.query.filters.row_filter import RowFilter
from obs_core.query.questions import traces

_COUNTED: Final = 10**9


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference: what differs (rows, order, count or values), the row, and what each way has."""

    what: str
    row_id: int | None
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both ways compared: the number of rows and the seconds that each took, and all differences.

    `is_cut` says that there are older rows that were not compared.
    """

    old_rows: int
    new_rows: int
    old_s: float
    new_s: float
    differences: list[Difference]
    is_cut: bool


def compare(engine: Engine, window: Window, old_filter: OldFilter, *, most: int | None = None) -> Comparison:
    """Compare the newest `most` rows of the window (None: all) that match.

    Raises:
        ObsError: the log can't be read, was made by another program, or a page took too long.
        BadParameter: rows of the window are in the archive alone, which plain SQL can't read.
    """
    if engine.is_pruned(window):
        raise BadParameter("Older rows of this window are only in the archive.", "Compare a window that starts later.")
    started = time.perf_counter()
    old = dict(islice(old_logs.rows(engine.log, window, old_filter), most))
    between = time.perf_counter()
    new = dict(islice(new_rows(engine, window, old_filter), most))
    ended = time.perf_counter()
    all_differences = [*differences(old, new)]
    is_cut = most is not None and len(old) >= most
    if not is_cut:
        all_differences += count_difference(engine, window, old_filter, len(old))
    return Comparison(
        len(old), len(new), round(between - started, 3), round(ended - between, 3), all_differences, is_cut
    )


def new_rows(engine: Engine, window: Window, old_filter: OldFilter) -> Iterator[tuple[int, Cells]]:
    """The id and the seven cells of each matching row, as the pages of the Trace Explorer have them, newest first."""
    row_filter, after = _row_filter(old_filter), None
    while True:
        page = traces.page(engine, window, group=old_filter.group, row_filter=row_filter, after=after, size=ROW_CAP)
        cells = page[["id", *CANONICAL]].astype(object).where(lambda frame: frame.notna(), None)
        for row_id, *row in cells.itertuples(index=False, name=None):
            yield int(row_id), tuple(row)
        if (after := page.attrs["next"]) is None:
            return


def differences(old: Mapping[int, Cells], new: Mapping[int, Cells]) -> Iterator[Difference]:
    """How two answers differ, both by id in the order of the rows."""
    for row_id in old.keys() - new.keys():
        yield Difference("rows", row_id, "has it", "missing")
    for row_id in new.keys() - old.keys():
        yield Difference("rows", row_id, "missing", "has it")
    both = [(one, other) for one, other in zip(_common(old, new), _common(new, old), strict=True) if one != other]
    for one, other in both:
        yield Difference("order", one, f"row {one}", f"row {other}")
    for row_id in (row_id for row_id in old if row_id in new):
        for column, ours, theirs in zip(CANONICAL, old[row_id], new[row_id], strict=True):
            if _shown(ours) != theirs:
                yield Difference("values", row_id, f"{column} {ours!r}"[:200], repr(theirs)[:200])


def count_difference(engine: Engine, window: Window, old_filter: OldFilter, rows: int) -> Iterator[Difference]:
    """Whether the count that pages and exports show is another than the number of rows."""
    total = traces.total(
        engine, window, group=old_filter.group, row_filter=_row_filter(old_filter), most=_COUNTED
    ).iloc[0]
    if bool(total["exact"]) and int(total["rows"]) != rows:
        yield Difference("count", None, str(rows), str(total["rows"]))


def _row_filter(old_filter: OldFilter) -> RowFilter:
    return RowFilter(process=old_filter.process, status=old_filter.status, search=old_filter.search)


def _common(these: Mapping[int, Cells], others: Mapping[int, Cells]) -> list[int]:
    return [row_id for row_id in these if row_id in others]


def _shown(cell: str | int | None) -> str | int | None:
    """A cell as pages cut it."""
    return cell[: paging.LONGEST_CELL] if isinstance(cell, str) else cell

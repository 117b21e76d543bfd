"""`python -m obs_core compare-logs`: rows by plain SQL and as the pages have them, with every difference."""

import argparse
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Final

from obs_core import settings
from obs_core.cli import argument_types, old_logs
from obs_core.cli.ask import time_ns_of
from obs_core.cli.old_logs import Cells, OldFilter
from obs_core.clock import Window, now_ns
from obs_core.errors import BadParameter
from obs_core.model import CANONICAL, ROW_CAP
from obs_core.query import export
from obs_core.query.engine.engine import Engine
from obs_core.query.filters import paging
from obs_core.query.filters.row_filter import RowFilter
from obs_core.query.questions import traces

_SHOWN: Final = 20  # differences of one kind that are printed
_COUNTED: Final = 10**9
_LIMIT_S: Final = 600.0


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference: what differs (rows, order, count or values), the row, and what each way has."""

    what: str
    row_id: int | None
    old: str
    new: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument(
        "--log", type=argument_types.log_path, help="the trace log (OBS_LOG, else logs/main_dashboard_logs.db)"
    )
    parser.add_argument("--from", dest="start", metavar="T", help="the window's start (default: all rows)")
    parser.add_argument("--to", dest="end", metavar="T", help="the window's end, exclusive (default: all rows)")
    parser.add_argument("--group", help="only rows of this process group")
    parser.add_argument("--process", help="only rows of this process")
    parser.add_argument("--status", help="only rows of status OK, ERROR or UNSET")
    parser.add_argument("--search", help="only rows that contain this text")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Compare, and print the differences; 1 if there are any."""
    log = options.log or settings.from_environment().log
    old_filter = OldFilter(options.group, options.process, options.status, options.search)
    with Engine(log, row_cap=None, limit_s=_LIMIT_S) as engine:
        now = now_ns()
        window = Window(
            time_ns_of(engine, options.start, now) if options.start else export.ALWAYS.from_ns,
            time_ns_of(engine, options.end, now) if options.end else min(export.ALWAYS.to_ns, now),
        )
        if window.from_ns > window.to_ns:
            raise BadParameter("The window ends before it starts.", "Give --from the earlier time.")
        started = time.perf_counter()
        old = dict(old_logs.rows(engine.log, window, old_filter))
        between = time.perf_counter()
        new = dict(new_rows(engine, window, old_filter))
        took_s = {"old": round(between - started, 3), "new": round(time.perf_counter() - between, 3)}
        all_differences = [*differences(old, new), *count_difference(engine, window, old_filter, len(old))]
    if options.json:
        report = {"rows": len(old), "seconds": took_s, "differences": [asdict(one) for one in all_differences]}
        print(json.dumps(report, indent=1))
    else:
        print(f"{len(old):,} rows by plain SQL ({took_s['old']} s), {len(new):,} by pages ({took_s['new']} s).")
        for one in all_differences[:_SHOWN]:
            print(f"{one.what}: row {one.row_id}: {one.old} / {one.new}")
        print(f"{len(all_differences):,} differences." if all_differences else "No difference.")
    return int(bool(all_differences))


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

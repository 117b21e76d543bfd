"""The rollup of failed calls: the issues of whole hours, and which failed calls have to be read one by one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from obs_core.clock import HOUR, Window
from obs_core.issues import Issue
from obs_core.query.engine.archive_reader import ArchiveView
from obs_core.query.engine.rollup_slices import around, parquet, rolled_days, whole
from obs_core.query.engine.sqlite_reader import SqliteReader

MOST_ISSUES: Final = 100_000
"""Issues by function that are read; of more the most frequent ones."""
FEW_FAILURES: Final = 2_000
"""Failed calls that are read one by one in the time that their rollup takes."""
_COUNTED: Final = """
    SELECT count(*) FROM (
        SELECT 1 FROM data_trace WHERE status = 'ERROR' AND timestamp >= :from_ns AND timestamp < :to_ns LIMIT :most
    )"""


def are_few(reader: SqliteReader, window: Window) -> bool:
    """Whether the failed calls of a window had better be read one by one; reads an index alone."""
    _, [(count,)] = reader.answer(_COUNTED, {"from_ns": window.from_ns, "to_ns": window.to_ns, "most": FEW_FAILURES})
    return bool(count < FEW_FAILURES)


@dataclass(frozen=True, slots=True)
class RolledFailures:
    """What the rollup has of a window, and what it lacks: failed calls in `rest`, and those with higher ids.

    Each of the `rows` is about one issue and one function: type, location, key, function; first_ns; raised_at and
    passed_at (ns and id of the newest call, or None), newest (details of the one that raised), slices and counts (how
    many exceptions were raised in which slice of time).
    """

    windows: Sequence[Window]
    rest: Sequence[Window]
    until_id: int
    rows: Sequence[dict[str, Any]]
    truncated: bool

    def has(self, timestamp: int, row_id: int) -> bool:
        """Whether the rollup counts the call with this time and id."""
        return row_id <= self.until_id and any(one.from_ns <= timestamp < one.to_ns for one in self.windows)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to ask a worker for, and what its answer is about."""

    request: dict[str, Any]
    windows: Sequence[Window]
    rest: Sequence[Window]
    until_id: int

    def answered(self, rows: Sequence[dict[str, Any]]) -> RolledFailures:
        """The answer with these rows."""
        return RolledFailures(self.windows, self.rest, self.until_id, rows[:MOST_ISSUES], len(rows) > MOST_ISSUES)


def plan(
    view: ArchiveView, window: Window, group: str | None, origin_ns: int, step_ns: int, *, only: Issue | None
) -> Plan | None:
    """How to ask for the issues of the whole hours of `window`, or for `only` one; None if no rollup has any of them.

    The slices of time have `step_ns`, whole hours, and start at `origin_ns`.
    """
    rolled, rest = _divided(view, window)
    files = view.files("r_fails", *rolled) if rolled else []
    if not files:
        return None
    statement = _statement(files, rolled, origin_ns, step_ns, grouped=group is not None, one=only is not None)
    parameters = ({} if group is None else {"group": group}) | ({} if only is None else only._asdict())
    request = {"statement": statement, "parameters": parameters}
    return Plan(request, rolled, rest, view.until_id)


def _divided(view: ArchiveView, window: Window) -> tuple[list[Window], list[Window]]:
    """The whole hours of `window` that have a rollup, and what is around them.

    Days that were sealed by an earlier version have none.
    """
    inner = whole(window, HOUR)
    rolled = rolled_days(view, inner, "r_fails") if inner else []
    return rolled, around(window, rolled)


def _statement(
    files: Sequence[str], windows: Sequence[Window], origin_ns: int, step_ns: int, *, grouped: bool, one: bool
) -> str:
    """DuckDB's statement for the rows of `RolledFailures`."""
    hours = " OR ".join(f"(slot >= {one.from_ns // HOUR} AND slot < {one.to_ns // HOUR})" for one in windows)
    of_group = "within_group AND process_group = $group" if grouped else "NOT within_group"
    of_issue = ' AND "type" = $type AND location = $location AND "key" = $title' if one else ""
    return f"""
        SELECT
            "type", location, "key", "function", min(first_ns) AS first_ns, max(raised_at) AS raised_at,
            max(passed_at) AS passed_at, arg_max(newest, raised_at) AS newest, list(slice) AS slices, list(n) AS counts
        FROM (
            SELECT
                "type", location, "key", "function", (slot * {HOUR} - ({origin_ns})) // {step_ns} AS slice,
                sum(raised)::BIGINT AS n, min(first_ns) AS first_ns, max(raised_at) AS raised_at,
                max(passed_at) AS passed_at, arg_max(newest, raised_at) AS newest
            FROM {parquet(files)}
            WHERE {of_group} AND ({hours}){of_issue}
            GROUP BY ALL
        )
        GROUP BY ALL
        ORDER BY sum(n) DESC
        LIMIT {MOST_ISSUES + 1}"""

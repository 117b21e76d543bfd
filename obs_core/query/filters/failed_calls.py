"""The failed calls of a window by issue: from the archive's rollup where it has one, else read one by one."""

import json
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, Final, NamedTuple

from obs_core.clock import HOUR, MAX_NS, Window
from obs_core.issues import FailedCall, Issue, issue_of, origins
from obs_core.query.analysis.issue_counts import IssueCounts, Raised, slices_of
from obs_core.query.engine.engine import Engine

MOST_CALLS: Final = 200_000
"""Failed calls that are read one by one: as many rows as a log has without an archive."""
_PAGE: Final = 10_000
_NEAR: Final = 30_000  # ids: a call and its children are seldom further apart


class _Call(NamedTuple):
    raised: Raised
    failed: FailedCall  # without its stack
    issue: Issue


class Counted(NamedTuple):
    """The issues of a window; whether failed calls are left out, and whether there is a rollup among the sources."""

    issues: IssueCounts
    truncated: bool
    rolled: bool


class First(NamedTuple):
    """When an exception was first raised (None: never), and whether failed calls were left out."""

    ns: int | None
    truncated: bool


def counted(engine: Engine, window: Window, group: str | None) -> Counted:
    """Count the exceptions of `window` by issue. A call below another one starts at most an hour later."""
    issues = IssueCounts(slices_of(window))
    slices = issues.slices
    rolled = engine.failures(window, group, slices.origin_ns, int(slices.step_ns)) if slices.are_hours else None
    parts: list[tuple[Window, int]] = [(window, -1)]
    if rolled:
        for row in rolled.rows:
            issues.add_rolled(row)
        parts = [(window, rolled.until_id - _NEAR), *((rest, -1) for rest in rolled.rest)]
    calls, truncated = _resolved(engine, parts, group)
    for call, issue, is_raised in calls:
        if window.from_ns <= call.ns < window.to_ns and not (rolled and rolled.has(call.ns, call.id)):
            issues.add(issue, call, raised=is_raised)
    return Counted(issues, truncated or (rolled is not None and rolled.truncated), rolled is not None)


def first_raised(engine: Engine, window: Window, group: str | None, issue: Issue) -> First | None:
    """When an exception of `issue` was first raised in `window`; None if no rollup of an archive can say it."""
    rolled = engine.failures(window, group, window.from_ns // HOUR * HOUR, HOUR, only=issue)
    if rolled is None:
        return None
    parts = [(window, rolled.until_id - _NEAR), *((rest, -1) for rest in rolled.rest)]
    calls, truncated = _resolved(engine, parts, group)
    times = [row["first_ns"] for row in rolled.rows if row["first_ns"] is not None]
    times += [
        call.ns
        for call, its, is_raised in calls
        if is_raised and its == issue and window.from_ns <= call.ns < window.to_ns and not rolled.has(call.ns, call.id)
    ]
    return First(min(times, default=None), truncated)


def _resolved(
    engine: Engine, parts: Sequence[tuple[Window, int]], group: str | None
) -> tuple[list[tuple[Raised, Issue, bool]], bool]:
    """The failed calls of these windows and the hour after each, with ids above a number, newest first.

    Each with the issue of its exception, and whether it raised it. The second value says whether there are more of them
    than are read.
    """
    calls: dict[int, _Call] = {}
    truncated = False
    for call in chain.from_iterable(_read(engine, part, group, above_id) for part, above_id in parts):
        calls[call.raised.id] = call
        if len(calls) >= MOST_CALLS:
            truncated = True
            break
    newest_first = sorted(calls.values(), key=lambda call: call.raised[:2], reverse=True)
    resolved = enumerate(origins([call.failed for call in newest_first]))
    return [(newest_first[at].raised, newest_first[origin].issue, origin == at) for at, origin in resolved], truncated


def versions(engine: Engine, runs: Sequence[int | None]) -> dict[int | None, str | None]:
    """The version of each of these runs."""
    known = sorted({run for run in runs if run is not None})
    if not known:
        return {}
    answer = engine.lookup("overview/run_versions", {"runs": json.dumps(known)})
    return dict(zip(answer["run_id"].tolist(), answer["version"].tolist(), strict=True))


def _read(engine: Engine, window: Window, group: str | None, above_id: int) -> Iterator[_Call]:
    """The failed calls of a window and of the hour after it with an id above `above_id`, newest first."""
    to_ns = min(window.to_ns + HOUR, MAX_NS)
    after_ns, after_id = to_ns, 0
    while True:
        parameters = {
            "from_ns": window.from_ns, "to_ns": to_ns, "group": group, "above_id": above_id, "size": _PAGE,
            "after_ns": after_ns, "after_id": after_id,
        }  # fmt: skip
        answer = engine.lookup("overview/exceptions", parameters, row_cap=_PAGE)
        yield from map(_call, answer.astype("object").where(answer.notna(), None).to_numpy().tolist())
        if len(answer) < _PAGE:
            return
        after_ns, after_id = int(answer["timestamp"].iloc[-1]), int(answer["id"].iloc[-1])


def _call(row: Sequence[Any]) -> _Call:
    row_id, timestamp, process, function, exception, stack, trace, span, parent, run = row
    failed = FailedCall(trace or "", span or "", parent or "", function or "", exception or "", stack or "")
    raised = Raised(int(timestamp), int(row_id), failed.function, exception, process, trace, span, run)
    return _Call(raised, failed._replace(stack=""), issue_of(failed))

"""The issue of each failed call that is sealed, for the rollup `r_fails`.

An exception passes calls on its way up; the call that raised it may be in another batch, and the group of a question
may exclude it. So each failed call is resolved twice: among all failed calls, and among those of its process group.
"""

import json
from collections.abc import Iterator, Sequence
from itertools import groupby, islice
from typing import Any, Final

from obs_core.issues import FailedCall, Issue, excerpt, issue_of, origins

COLUMNS: Final = (
    *("id", "timestamp", "trace_id", "span_id", "parent_span_id", "process_group"),
    *("function", "data", "exception", "exception_stack"),
)
"""The columns of the log by which the issue of a call is known."""
FAILED: Final = "kind = 'call' AND status = 'ERROR'"
"""SQL for the rows that are failed calls."""
_AT_ONCE: Final = 1_000  # rows with their stacks
_TABLE: Final = """
    CREATE OR REPLACE TEMP TABLE failed (
        id BIGINT, within_group BOOLEAN, raised BOOLEAN, "type" VARCHAR, location VARCHAR, "key" VARCHAR
    )"""
_INSERT: Final = """
    INSERT INTO failed
    SELECT unnest(from_json($1, '[{"id": "BIGINT", "within_group": "BOOLEAN", "raised": "BOOLEAN", "type": "VARCHAR",
        "location": "VARCHAR", "key": "VARCHAR"}]'), recursive := true)"""
_Call = tuple[int, int, bool, str | None, FailedCall, Issue]


def resolve(connection: Any) -> None:  # noqa: ANN401 - a DuckDB connection
    """Make the table `failed` of the failed calls in `batch`; those in `near_failed` may have raised exceptions."""
    columns = ", ".join(f'"{name}"' for name in COLUMNS)
    calls = [
        *_read(connection, f"SELECT {columns} FROM batch WHERE {FAILED}", mine=True),
        *_read(connection, f"SELECT {columns} FROM near_failed", mine=False),
    ]
    calls.sort(key=lambda call: call[:2], reverse=True)  # the newest first, as questions read them
    connection.execute(_TABLE)
    resolved = _resolved(calls)
    while some := list(islice(resolved, _AT_ONCE)):
        connection.execute(_INSERT, [json.dumps(some)])


def _read(connection: Any, statement: str, *, mine: bool) -> Iterator[_Call]:  # noqa: ANN401 - as above
    cursor = connection.execute(statement)
    issues: dict[Issue, Issue] = {}
    while rows := cursor.fetchmany(_AT_ONCE):
        for row_id, timestamp, trace, span, parent, group, function, data, exception, stack in rows:
            text, short = excerpt(exception, stack)
            call = FailedCall(trace or "", span or "", parent or "", function or data or "", text, short)
            issue = issue_of(call)
            yield timestamp, row_id, mine, group, call._replace(stack=""), issues.setdefault(issue, issue)


def _resolved(calls: Sequence[_Call]) -> Iterator[dict[str, object]]:
    yield from _rows(calls, within_group=False)
    by_group = sorted(calls, key=_group_key)
    for _, some in groupby(by_group, key=_group_key):
        yield from _rows(list(some), within_group=True)


def _group_key(call: _Call) -> tuple[bool, str]:
    return call[3] is None, call[3] or ""


def _rows(calls: Sequence[_Call], *, within_group: bool) -> Iterator[dict[str, object]]:
    """The rows of the table for these calls, newest first."""
    for number, origin in enumerate(origins([call[4] for call in calls])):
        if calls[number][2]:
            issue = calls[origin][5]
            yield {
                "id": calls[number][1], "within_group": within_group, "raised": origin == number,
                "type": issue.type, "location": issue.location, "key": issue.title,
            }  # fmt: skip

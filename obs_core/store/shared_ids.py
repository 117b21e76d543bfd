"""Rows that arrive under a key that the log has: the same row, its completion, or another one.

Two spans may share one id: a client and the server that it calls (Zipkin, B3 "shared"), or two services, or instances
of one, that answer the same call. Then the client keeps the id; the others get an id of their own, a hash of the shared
one, and the client as their parent; what they call moves below them. Sources: Jaeger, adjuster
DeduplicateClientServerSpanIDs; openzipkin/zipkin, zipkin2.internal.Trace.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from obs_core.model import Row
from obs_core.store import merging
from obs_core.store.hashed_ids import hashed_id
from obs_core.store.outcome import Outcome
from obs_core.text import json_text

_COLUMNS: Final = ", ".join(Row._fields)
_INSERT: Final = f"INSERT INTO data_trace ({_COLUMNS}) VALUES ({', '.join('?' * len(Row._fields))})"
_RANKS: Final = {merging.CLIENT: 0, merging.SERVER: 2}  # the lowest keeps the id
_OTHER_RANK: Final = 1
_SHOWN: Final = 3
_LONGEST_NAME: Final = 80


@dataclass(frozen=True, slots=True)
class _Stored:
    """A row of the log with its id, and its parsed attributes."""

    row_id: int
    row: Row
    about: dict[str, Any]


def resolve(connection: sqlite3.Connection, rows: Iterable[Row], outcome: Outcome) -> None:
    """Compare `rows` with those of the same keys in the log, store what is new, and count all in `outcome`."""
    for row in rows:
        if row.span_id is not None:
            _resolve(connection, row, outcome)


def _resolve(connection: sqlite3.Connection, row: Row, outcome: Outcome) -> None:
    old = _find(connection, row.trace_id, row.span_id)
    if old is None:
        connection.execute(_INSERT, row)
        outcome.stored += 1
        return
    if old.row == row:
        return
    if row.kind != "call":
        _resolve_hashed(connection, old.row, row, outcome)
        return
    if old.row.kind == "call":
        parts = merging.about(row)
        if _are_halves(old, row, parts):
            _separate(connection, old, row, parts, outcome)
            return
    united, differences = merging.merged(old.row, row, lambda *ids: _is_same_parent(connection, row.trace_id, *ids))
    if differences:
        outcome.differing.append((row, _difference(row, differences)))
    elif united != old.row:
        replace(connection, old.row_id, united)
        outcome.merged += 1


def _resolve_hashed(connection: sqlite3.Connection, old: Row, row: Row, outcome: Outcome) -> None:
    """Store a log record or a value that differs from the one with its id, which is a hash of some of its fields."""
    if merging.is_equal(old, row, lambda *ids: _is_same_parent(connection, row.trace_id, *ids)):
        return
    content = [value for name, value in zip(Row._fields, row, strict=True) if name not in ("code_id", "run_id")]
    own = row._replace(span_id=hashed_id("whole", *content))
    if _find(connection, own.trace_id, own.span_id) is None:
        connection.execute(_INSERT, own)
        outcome.stored += 1


def _are_halves(old: _Stored, row: Row, parts: dict[str, Any]) -> bool:
    """Whether two spans of one id are not one: a client's and a server's, two senders', or two answers to one call."""
    kinds = {merging.kind_of(old.about), merging.kind_of(parts)}
    if kinds == {merging.CLIENT, merging.SERVER}:
        return True
    if kinds == {merging.SERVER} and 0 != old.row.timestamp != row.timestamp != 0:
        return True
    return not merging.sender(old.row, old.about).may_be(merging.sender(row, parts))


def _separate(connection: sqlite3.Connection, old: _Stored, row: Row, parts: dict[str, Any], outcome: Outcome) -> None:
    """Give one of two spans that share their id an id of its own."""
    assert row.trace_id is not None
    assert row.span_id is not None
    shared_id = _shared_id(parts) or row.span_id
    if row.span_id == shared_id and _rank(parts) < _rank(old.about):
        replace(connection, old.row_id, row)
        before = outcome.stored
        _store_under_own_id(connection, old.row, old.about, shared_id, outcome)
        outcome.stored += outcome.stored == before  # the other one was in the log already
        return
    _store_under_own_id(connection, row, parts, shared_id, outcome)


def _store_under_own_id(
    connection: sqlite3.Connection, row: Row, parts: dict[str, Any], shared_id: str, outcome: Outcome
) -> None:
    """Resolve `row` under the first id of its own that no other span has; the further ones depend on its sender."""
    assert row.trace_id is not None
    source = merging.sender(row, parts)
    about_sender = (row.trace_id, shared_id, "server", *source[:2], *source.addresses)
    own_ids = (
        hashed_id(row.trace_id, shared_id, "server"),
        hashed_id(*about_sender),
        hashed_id(*about_sender, row.timestamp),
    )
    free = (own_id for own_id in own_ids if own_id != row.span_id and not _is_taken(connection, row, parts, own_id))
    own_id = next(free, None)
    if own_id is None:
        outcome.differing.append((row, _difference(row, ["kind"])))
        return
    base = _find(connection, row.trace_id, shared_id)
    parent = shared_id if base and _rank(base.about) < _rank(parts) else row.parent_span_id
    about = {**parts, "span": {**parts.get("span", {}), "id": shared_id}}
    own = row._replace(span_id=own_id, parent_span_id=parent, attributes=json_text(about))
    _resolve(connection, own, outcome)
    remember(connection, row.trace_id, shared_id, own_id)


def _is_taken(connection: sqlite3.Connection, row: Row, parts: dict[str, Any], own_id: str) -> bool:
    """Whether an id belongs to another span."""
    there = _find(connection, row.trace_id, own_id)
    return there is not None and _are_halves(there, row, parts)


def remember(connection: sqlite3.Connection, trace_id: str, shared_id: str, own_id: str) -> None:
    """Record the own id of a span that shares another."""
    connection.execute("INSERT OR IGNORE INTO shared_ids VALUES (?, ?, ?)", (trace_id, shared_id, own_id))


def remember_marked(connection: sqlite3.Connection, rows: Iterable[Row]) -> None:
    """Record the spans that importers marked as the server's half of a shared id."""
    for row in rows:
        if row.trace_id and row.span_id:
            shared_id = _shared_id(merging.about(row))
            if shared_id and shared_id != row.span_id:
                remember(connection, row.trace_id, shared_id, row.span_id)


def adjust(connection: sqlite3.Connection, trace_ids: Iterable[str | None]) -> None:
    """Put the spans with ids of their own below the span that has the shared one, and below them what they call.

    It makes the same tree in whatever order, and in how many parts, the rows of a trace arrive.
    """
    for trace_id in trace_ids:
        if trace_id is not None:
            pairs = connection.execute("SELECT shared_id, own_id FROM shared_ids WHERE trace_id = ?", (trace_id,))
            own_ids: dict[str, list[str]] = {}
            for shared_id, own_id in pairs.fetchall():
                own_ids.setdefault(shared_id, []).append(own_id)
            for shared_id, ids in own_ids.items():
                _adjust(connection, trace_id, shared_id, ids)


def _adjust(connection: sqlite3.Connection, trace_id: str, shared_id: str, own_ids: Sequence[str]) -> None:
    base = _find(connection, trace_id, shared_id)
    owners = [owner for own_id in own_ids if (owner := _find(connection, trace_id, own_id))]
    for owner in owners:
        if base and owner.row.parent_span_id != shared_id and _rank(base.about) < _rank(owner.about):
            replace(connection, owner.row_id, owner.row._replace(parent_span_id=shared_id))
    marks = ", ".join("?" * (len(own_ids) + 1))
    children = connection.execute(
        f"SELECT id, {_COLUMNS} FROM data_trace WHERE trace_id = ? AND parent_span_id IN ({marks})",
        (trace_id, shared_id, *own_ids),
    ).fetchall()
    for child_id, *cells in children:
        child = Row._make(cells)
        if child.span_id in own_ids:
            continue
        parent = _owner_of(child, base, owners) or shared_id
        if parent != child.parent_span_id:
            replace(connection, child_id, child._replace(parent_span_id=parent))


def _owner_of(child: Row, base: _Stored | None, owners: Sequence[_Stored]) -> str | None:
    """The id of the span that `child` belongs to: its own service's, the exact instance's first; None: the base's."""
    own = [owner for owner in owners if owner.row.process_group == child.process_group]
    if own:
        source = merging.sender(child, merging.about(child))
        exact = (owner for owner in own if merging.sender(owner.row, owner.about) == source)
        near = (owner for owner in own if merging.sender(owner.row, owner.about).may_be(source))
        return next(exact, next(near, own[0])).row.span_id
    if base is not None or not owners:
        return None
    is_there = any(owner.row.span_id == child.parent_span_id for owner in owners)
    return child.parent_span_id if is_there else owners[0].row.span_id


def _shared_id(parts: dict[str, Any]) -> str | None:
    span = parts.get("span")
    shared_id = span.get("id") if isinstance(span, dict) else None
    return shared_id if isinstance(shared_id, str) else None


def _rank(parts: dict[str, Any]) -> int:
    return _RANKS.get(merging.kind_of(parts) or 0, _OTHER_RANK)


def _is_same_parent(connection: sqlite3.Connection, trace_id: str | None, mine: str, its: str) -> bool:
    """Whether two parents are one: the shared id, and an own id of a span that shares it."""
    bases = []
    for parent in (mine, its):
        there = _find(connection, trace_id, parent)
        bases.append((there and _shared_id(there.about)) or parent)
    return bases[0] == bases[1]


def _find(connection: sqlite3.Connection, trace_id: str | None, span_id: str | None) -> _Stored | None:
    where = "trace_id IS NULL AND span_id = ?" if trace_id is None else "trace_id = ? AND span_id = ?"
    key = (span_id,) if trace_id is None else (trace_id, span_id)
    cells = connection.execute(f"SELECT id, {_COLUMNS} FROM data_trace WHERE {where}", key).fetchone()
    if cells is None:
        return None
    row = Row._make(cells[1:])
    return _Stored(cells[0], row, merging.about(row) if row.kind == "call" else {})


def _difference(row: Row, names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
    key = f"{row.trace_id}, {row.span_id}"
    return f"“{row.data[:_LONGEST_NAME]}” has the id of another row ({key}) but differs from it in {shown}"


def replace(connection: sqlite3.Connection, old_id: int, row: Row) -> None:
    """Replace the row with the id `old_id` by `row`, under a new id."""
    newest = connection.execute("SELECT max(id) FROM data_trace").fetchone()[0]
    connection.execute("INSERT INTO superseded (id) VALUES (?)", (old_id,))
    connection.execute("DELETE FROM data_trace WHERE id = ?", (old_id,))
    insert = f"INSERT INTO data_trace (id, {_COLUMNS}) VALUES (?, {', '.join('?' * len(Row._fields))})"
    connection.execute(insert, (newest + 1, *row))

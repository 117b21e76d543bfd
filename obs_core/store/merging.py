"""Compares two rows of one key: the same, one that completes the other, or two that differ, and in what.

Rows are merged where neither contradicts the other: a field or an attribute that only one of them has is taken, events
and links are united. A call without its end gives way to the same call with its end. Source for spans in pieces:
openzipkin/zipkin, zipkin2.internal.Trace and Span.Builder.merge.
"""

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from obs_core.model import Row
from obs_core.text import json_text

CLIENT, SERVER = 3, 2  # the numbers of OTLP's span kinds

_UNKNOWN: Final = (None, "", "unknown_service")
_REDACTED: Final = "[redacted]"
_NO_VALUE: Final[Mapping[str, tuple[object, ...]]] = {
    "process": _UNKNOWN,
    "process_group": _UNKNOWN,
    "data": ("",),
    "timestamp": (0,),
    "status": ("UNSET",),
}
_IDENTITY: Final = ("process", "process_group", "data", "timestamp")  # these differ only between different calls
_IGNORED: Final = frozenset({"code_id", "run_id", "attributes", "parent_span_id"})
_FIELDS: Final = tuple(name for name in Row._fields if name not in _IGNORED)
_RECORD: Final = "log"
_LISTS: Final = ("events", "links")
_NOT_FINITE: Final = {math.inf: "Infinity", -math.inf: "-Infinity"}
_ADDRESSES: Final = (
    ("attributes", "net.host.ip"),
    ("attributes", "net.host.port"),
    ("resource", "ip"),
    ("resource", "host.ip"),
    ("resource", "host.name"),
    ("resource", "hostname"),
    ("span", "localEndpoint", "ipv4"),
    ("span", "localEndpoint", "ipv6"),
    ("span", "localEndpoint", "port"),
)


class Sender(NamedTuple):
    """Who sent a span: its service, its instance, and its addresses; None for what it does not say."""

    process_group: str | None
    process: str | None
    addresses: tuple[object, ...]

    def may_be(self, other: "Sender") -> bool:
        """Whether both may be one and the same: nothing that both say differs."""
        pairs = zip((*self[:2], *self.addresses), (*other[:2], *other.addresses), strict=True)
        return all(mine is None or its is None or mine == its for mine, its in pairs)


def about(row: Row) -> dict[str, Any]:
    """The column attributes, parsed; older versions wrote bare NaN, which Python reads."""
    try:
        parsed = json.loads(row.attributes) if row.attributes else {}
    except (ValueError, RecursionError):
        return {}
    return parsed if isinstance(parsed, dict) else {}


def sender(row: Row, parts: Mapping[str, Any]) -> Sender:
    """The sender of a row with these parsed attributes."""
    known = (None if name in _UNKNOWN else name for name in (row.process_group, row.process))
    return Sender(next(known), next(known), tuple(_at(parts, path) for path in _ADDRESSES))


def kind_of(parts: Mapping[str, Any]) -> int | None:
    """The kind of a span (OTLP's number), if its attributes say it."""
    kind = _at(parts, ("span", "kind"))
    return kind if isinstance(kind, int) else None


def _at(parts: object, path: Sequence[str]) -> Any:  # noqa: ANN401 - a value of JSON
    for name in path:
        parts = parts.get(name) if isinstance(parts, dict) else None
    return parts


def merged(old: Row, new: Row, is_same_parent: Callable[[str, str], bool]) -> tuple[Row, list[str]]:
    """`old` completed by `new`, and the names of the fields in which the two contradict each other.

    `is_same_parent` says whether two ids may name the same parent.
    """
    differences: list[str] = []
    prefers = None if (old.duration_ns is None) is (new.duration_ns is None) else int(old.duration_ns is None)
    fields: dict[str, Any] = {}
    for name in _FIELDS:
        mine, its = getattr(old, name), getattr(new, name)
        empty = _NO_VALUE.get(name, (None, ""))
        if mine == its or its in empty:
            continue
        if mine in empty:
            fields[name] = its
        elif prefers is not None and name not in _IDENTITY:
            fields[name] = (mine, its)[prefers]
        elif not _is_redacted(mine, its):
            differences.append(name)
    parent, other = old.parent_span_id, new.parent_span_id
    if parent is None:
        fields["parent_span_id"] = other
    elif other not in (None, parent) and not is_same_parent(parent, other or ""):
        differences.append("parent_span_id")
    if old.attributes != new.attributes:
        parts = about(old)
        united = _united(parts, about(new), "", prefers, differences)
        if united != parts:
            fields["attributes"] = json_text(united)
    return old._replace(**fields), differences


def is_equal(old: Row, new: Row, is_same_parent: Callable[[str, str], bool]) -> bool:
    """Whether two log records or two values say the same, up to where they came from in the attributes' `log`."""
    if any((getattr(old, name) or "") != (getattr(new, name) or "") for name in _FIELDS):
        return False
    mine, its = old.parent_span_id, new.parent_span_id
    if mine != its and not (mine and its and is_same_parent(mine, its)):
        return False
    if old.attributes == new.attributes:
        return True
    parts, others = about(old), about(new)
    if not (parts.get(_RECORD) and others.get(_RECORD)):  # older versions did not store it
        parts.pop(_RECORD, None)
        others.pop(_RECORD, None)
    return _is_same(parts, others)


def _united(
    mine: dict[str, Any], its: Mapping[str, Any], path: str, prefers: int | None, differences: list[str]
) -> dict[str, Any]:
    """Both objects in one; where they contradict each other, the one that `prefers` names, else a difference."""
    united = dict(mine)
    for name, value in its.items():
        if name not in mine:
            united[name] = value
            continue
        own = mine[name]
        if isinstance(own, dict) and isinstance(value, dict):
            united[name] = _united(own, value, f"{path}{name}.", prefers, differences)
        elif not path and name in _LISTS and isinstance(own, list) and isinstance(value, list):
            united[name] = _all_of(own, value)
        elif not _is_same(own, value):
            if isinstance(value, list) and not isinstance(own, list) and own in value:
                united[name] = value  # older versions stored the last of repeated tags
            elif prefers is None:
                differences.append(path + name)
            else:
                united[name] = (own, value)[prefers]
    return united


def _all_of(mine: list[Any], its: list[Any]) -> list[Any]:
    """The elements of both lists, as often as in the list that has more of them; in order of their times."""
    remaining = list(mine)
    added = []
    for element in its:
        if element in remaining:
            remaining.remove(element)
        else:
            added.append(element)
    if not added:
        return mine
    return sorted(mine + added, key=lambda element: (_at(element, ("time_ns",)) or 0, json.dumps(element, default=str)))


def _is_same(mine: object, its: object) -> bool:
    """Whether two values of JSON are equal; NaN and infinite numbers equal their names."""
    if isinstance(mine, list) and isinstance(its, list):
        return len(mine) == len(its) and all(map(_is_same, mine, its))
    if isinstance(mine, dict) and isinstance(its, dict):
        return mine.keys() == its.keys() and all(_is_same(value, its[name]) for name, value in mine.items())
    if type(mine) is type(its) and mine == its:
        return True
    if isinstance(mine, bool) or isinstance(its, bool):
        return False
    return _named(mine) == _named(its) or _is_redacted(mine, its)


def _named(value: object) -> object:
    return value if not isinstance(value, float) or math.isfinite(value) else _NOT_FINITE.get(value, "NaN")


def _is_redacted(mine: object, its: object) -> bool:
    """Whether one text is the other with secrets redacted."""
    for shown, full in ((mine, its), (its, mine)):
        if isinstance(shown, str) and _REDACTED in shown:
            parts = map(re.escape, shown.split(_REDACTED))
            if shown == _REDACTED or (isinstance(full, str) and re.fullmatch(".*?".join(parts), full, re.DOTALL)):
                return True
    return False

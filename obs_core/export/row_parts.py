"""The parts of a row's column attributes, for the formats; and the columns that a format has no field for."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from obs_core import semconv
from obs_core.ingest.formats.round_trip import CARRIED, COLUMNS
from obs_core.model import Row

_NOTHING: Final[Mapping[str, Any]] = {}
_DEEPEST: Final = 30  # levels of attributes that are written in a format's own fields; as protobuf, each takes three
# messages inside each other, of the 100 that its readers accept (in JSON, Python's stack ends at about 250 levels)
_BRACKET: Final = re.compile(r"[{}\[\]]")


class Plain(NamedTuple):
    """The parts of the column attributes, without those of an unexpected type."""

    about: Mapping[str, Any]
    attributes: Mapping[str, Any]
    events: Sequence[Mapping[str, Any]]
    links: Sequence[Mapping[str, Any]]
    scope: Mapping[str, Any]
    resource: Mapping[str, Any]
    span: Mapping[str, Any]

    def attributes_of(self, row: Row) -> dict[str, Any]:
        """The attributes, with the function if only the row has it."""
        attributes = {name: value for name, value in self.attributes.items() if name != CARRIED}
        if row.function and semconv.function_name(attributes) != row.function:
            attributes[semconv.FUNCTION] = row.function
        return attributes

    def events_of(self, row: Row) -> Sequence[Mapping[str, Any]]:
        """The events, with the exception if only the row has it."""
        has_event = any(event.get("name") == semconv.EXCEPTION_EVENT for event in self.events)
        if has_event or not (row.exception and row.exception_stack):
            return self.events
        kind, colon, message = row.exception.partition(": ")
        attributes = {semconv.EXCEPTION_TYPE: kind} | ({semconv.EXCEPTION_MESSAGE: message} if colon else {})
        attributes[semconv.EXCEPTION_STACK] = row.exception_stack
        end_ns = row.timestamp + (row.duration_ns or 0)
        return [*self.events, {"name": semconv.EXCEPTION_EVENT, "time_ns": end_ns, "attributes": attributes}]


def plain(row: Row) -> Plain:
    """The parts of a row's column attributes."""
    about = _read(row.attributes)
    maps = [_map(about.get(name)) for name in ("attributes", "scope", "resource", "span")]
    events, links = (
        [part for part in parts if isinstance(part, dict)] if isinstance(parts := about.get(name), list) else []
        for name in ("events", "links")
    )
    return Plain(about, maps[0], events, links, *maps[1:])


def carried(row: Row, read: Row) -> dict[str, Any]:
    """The columns in which `read`, the row that an importer reads back, differs from `row`."""
    if row[:-1] == read[:-1] and row.attributes == read.attributes:
        return {}
    differing = {name: getattr(row, name) for name in COLUMNS if getattr(row, name) != getattr(read, name)}
    if "attributes" in differing and _same(row.attributes, read.attributes):
        del differing["attributes"]
    return differing


def _same(one: str | None, other: str | None) -> bool:
    """Whether two texts are the same JSON."""
    try:
        return bool(one and other and json.loads(one) == json.loads(other))
    except (ValueError, RecursionError):
        return False


def _read(text: str | None) -> Mapping[str, Any]:
    if not text or _depth(text) > _DEEPEST:
        return _NOTHING
    try:
        return _map(json.loads(text))
    except (ValueError, RecursionError):
        return _NOTHING


def _depth(text: str) -> int:
    """The nesting depth of the JSON in `text`, or more: brackets in strings count too."""
    if text.count("{") + text.count("[") <= _DEEPEST:
        return 0
    depth = deepest = 0
    for bracket in _BRACKET.findall(text):
        depth += 1 if bracket in "{[" else -1
        deepest = max(deepest, depth)
    return deepest


def _map(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else _NOTHING

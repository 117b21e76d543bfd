"""The neutral parts of rows, from the objects of OTLP's protobuf messages.

Generated code has no types, so messages are `Any`. The cost here is the number of accesses to fields.
"""

import base64
from collections.abc import Iterable
from typing import Any, Final

from obs_core import semconv
from obs_core.ingest.formats.rows import MOST_NS, no_time
from obs_core.ingest.formats.spans import Record, Span
from obs_core.text import finite

TRACE_ID: Final = 16
SPAN_ID: Final = 8

_NO_SPAN: Final = bytes(SPAN_ID)
_NO_TRACE: Final = bytes(TRACE_ID)
_KINDS: Final = {
    "string_value": "string",
    "bool_value": "bool",
    "int_value": "int",
    "double_value": "double",
    "array_value": "array",
    "kvlist_value": "kvlist",
    "bytes_value": "bytes",
}


def attributes_of(pairs: Iterable[Any]) -> dict[str, Any]:
    """OTLP's list of keys and values as a dict of plain values."""
    attributes = {}
    for pair in pairs:
        value = pair.value
        kind = value.WhichOneof("value")
        if kind == "string_value":
            attributes[pair.key] = value.string_value
        else:
            attributes[pair.key] = _plain(value, kind)
    return attributes


def _plain(value: Any, kind: str | None) -> Any:  # noqa: ANN401 - an AnyValue, and any value
    if kind is None:
        return None
    inner = getattr(value, kind, None)
    if kind == "double_value":
        return finite(inner)  # type: ignore[arg-type]
    if kind == "array_value":
        return [_plain(item, item.WhichOneof("value")) for item in value.array_value.values]
    if kind == "kvlist_value":
        return attributes_of(value.kvlist_value.values)
    if kind == "bytes_value":
        return base64.b64encode(value.bytes_value).decode()
    return inner if kind in _KINDS else None


def span_of(raw: Any) -> Span | str:  # noqa: ANN401 - a Span; generated code has no types
    """The neutral parts of one span, or why it can't be stored."""
    trace_id, span_id, parent = raw.trace_id, raw.span_id, raw.parent_span_id
    if len(trace_id) != TRACE_ID or len(span_id) != SPAN_ID or trace_id == _NO_TRACE or span_id == _NO_SPAN:
        return f"a span without a usable id: {trace_id.hex():.40}, {span_id.hex():.40}"
    start, end = raw.start_time_unix_nano, raw.end_time_unix_nano
    if not 0 < start <= MOST_NS or end > MOST_NS:
        return no_time("span", raw.name, end if 0 < start <= MOST_NS else start)
    status = raw.status
    code = status.code
    pairs, events, links = raw.attributes, raw.events, raw.links
    return Span(
        trace_id.hex(),
        span_id.hex(),
        parent.hex() if len(parent) == SPAN_ID and parent != _NO_SPAN else None,
        raw.name,
        start,
        end - start if end and start else None,
        semconv.STATUS.get(code, "UNSET"),  # type: ignore[arg-type]
        status.message,
        attributes_of(pairs) if pairs else {},
        [_event(event) for event in events] if events else (),
        [_link(link) for link in links] if links else (),
        _more(raw, code, parent),
    )


def _more(raw: Any, code: int, parent: bytes) -> dict[str, Any]:  # noqa: ANN401 - a Span
    """The other fields of a span, by the names of OTLP's JSON; also what can't be read, so that it is shown."""
    more: dict[str, Any] = {}
    if parent and len(parent) != SPAN_ID:
        more["parentSpanId"] = parent.hex()
    if code not in semconv.STATUS:
        more["statusCode"] = code
    if kind := raw.kind:
        more["kind"] = kind
    if state := raw.trace_state:
        more["traceState"] = state
    if flags := raw.flags:
        more["flags"] = flags
    if dropped := raw.dropped_attributes_count:
        more["droppedAttributesCount"] = dropped
    if dropped := raw.dropped_events_count:
        more["droppedEventsCount"] = dropped
    if dropped := raw.dropped_links_count:
        more["droppedLinksCount"] = dropped
    return more


def _event(event: Any) -> dict[str, Any]:  # noqa: ANN401 - a Span.Event
    return {
        "name": event.name,
        "time_ns": time_ns_of(event.time_unix_nano) or None,
        "attributes": attributes_of(event.attributes),
    }


def _link(link: Any) -> dict[str, Any]:  # noqa: ANN401 - a Span.Link
    attributes = attributes_of(link.attributes)
    return {"trace_id": _id(link.trace_id, TRACE_ID), "span_id": _id(link.span_id, SPAN_ID)} | (
        {"attributes": attributes} if attributes else {}
    )


def record_of(raw: Any) -> Record | str:  # noqa: ANN401 - a LogRecord
    """The neutral parts of one log record, or why it can't be stored."""
    kind = raw.body.WhichOneof("value")
    time = raw.time_unix_nano or raw.observed_time_unix_nano
    if not 0 < time <= MOST_NS:
        return no_time("log record", raw.event_name or _plain(raw.body, kind), time)
    return Record(
        _id(raw.trace_id, TRACE_ID),
        _id(raw.span_id, SPAN_ID),
        raw.event_name,
        time,
        _KINDS.get(kind),
        _plain(raw.body, kind),
        raw.severity_number,
        raw.severity_text,
        attributes_of(raw.attributes),
    )


def number_of(raw: Any) -> float | str | None:  # noqa: ANN401 - a NumberDataPoint
    """The number of a point, or None."""
    kind = raw.WhichOneof("value")
    return None if kind is None else int(raw.as_int) if kind == "as_int" else finite(raw.as_double)


def scope_of(scope: Any) -> dict[str, Any]:  # noqa: ANN401 - an InstrumentationScope
    """The name, version and attributes of a scope, if it has them."""
    fields = {name: text for name, text in (("name", scope.name), ("version", scope.version)) if text}
    attributes = attributes_of(scope.attributes)
    return {**fields, "attributes": attributes} if attributes else fields


def _id(raw: bytes, length: int) -> str | None:
    return raw.hex() if len(raw) == length and any(raw) else None


def time_ns_of(nanoseconds: int) -> int:
    """The unsigned 64-bit time of an event; 0, which means no time, if the log can't hold it."""
    return nanoseconds if nanoseconds <= MOST_NS else 0

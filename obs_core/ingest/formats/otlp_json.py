"""OTLP in JSON: one object with resourceSpans, resourceLogs or resourceMetrics, or one per line.

Source: opentelemetry-proto, docs/specification.md "JSON Protobuf Encoding": ids in hex, enums as numbers, 64-bit
numbers as text or number, unknown fields ignored. Names of enums are read too: older collectors write them.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Final, cast

from obs_core import semconv
from obs_core.ingest.formats import spans
from obs_core.ingest.formats.import_format import JsonFormat, Parts
from obs_core.ingest.formats.rows import Refused, finite, hex_id, to_int
from obs_core.ingest.formats.spans import MetricPoint, Origin, Record, Span
from obs_core.model import Status

SIGNALS: Final = ("resourceSpans", "resourceLogs", "resourceMetrics")
UNREADABLE: Final = ("histogram", "exponentialHistogram", "summary")
NO_RECORDED_VALUE: Final = 1  # the flag of a point that has no number, metrics.proto DataPointFlags

_LEVELS: Final = 100  # of lists and maps in a value; more would exceed Python's recursion limit somewhere
_NESTED: Final = {"arrayValue": "array", "kvlistValue": "kvlist"}
_STATUS_NAMES: Final = {"STATUS_CODE_UNSET": 0, "STATUS_CODE_OK": 1, "STATUS_CODE_ERROR": 2}
_KIND_NAMES: Final = {
    f"SPAN_KIND_{name}": number
    for number, name in enumerate(("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"))
}
_OTHERS: Final = (
    "kind",
    "traceState",
    "flags",
    "droppedAttributesCount",
    "droppedEventsCount",
    "droppedLinksCount",
)


def is_otlp(document: object) -> bool:
    """Whether `document` is an OTLP export."""
    return isinstance(document, dict) and any(name in document for name in SIGNALS)


def rows(document: Mapping[str, Any], line: int, values: Collection[str] = ()) -> Parts:
    """The rows of an OTLP object that begins at `line`; parts that can't be stored are `Refused`.

    Attributes of spans named in `values` become values of their calls.
    """
    for source, raw in _parts(document, "resourceSpans", "scopeSpans", "spans"):
        span = _span(raw)
        if span is None:
            why = f"a span without a usable id: {raw.get('traceId')!s:.40}, {raw.get('spanId')!s:.40}"
            yield Refused(line, why)
        elif values:
            yield from spans.rows(source, span, values)
        else:
            yield spans.call(source, span)
    for source, raw in _parts(document, "resourceLogs", "scopeLogs", "logRecords"):
        yield spans.log_record(source, _record(raw))
    for source, raw in _parts(document, "resourceMetrics", "scopeMetrics", "metrics"):
        yield from _points(source, raw, line)


def _parts(document: Mapping[str, Any], *names: str) -> Iterator[tuple[Origin, Mapping[str, Any]]]:
    """The spans, records or metrics of a document, each with its origin; old files call scopes libraries."""
    outermost, inner, leaf = names
    for outer in _list(document.get(outermost)):
        resource = attributes_of(_dict(outer.get("resource")).get("attributes"))
        for group in _list(outer.get(inner)) or _list(outer.get(inner.replace("scope", "instrumentationLibrary"))):
            source = spans.origin(resource, _scope(group))
            for raw in _list(group.get(leaf)):
                yield source, raw


def attributes_of(pairs: object, level: int = 0) -> dict[str, Any]:
    """OTLP's list of keys and values as a dict of plain values."""
    if not pairs:
        return {}
    return {str(pair.get("key")): value_of(pair.get("value"), level)[1] for pair in _list(pairs)}


def value_of(any_value: object, level: int = 0) -> tuple[str | None, Any]:
    """The kind and the plain value of an OTLP AnyValue; (None, None) where it has none.

    Lists and maps inside `_LEVELS` others are replaced by a text that says so.
    """
    if isinstance(any_value, dict):
        for name, inner in any_value.items():
            if name == "stringValue":
                return "string", inner
            if name in _VALUE_KINDS:
                kind, plain = _VALUE_KINDS[name]
                return kind, plain(inner)
            if name in _NESTED:
                return _NESTED[name], _nested(name, inner, level + 1)
    return None, None


def _whole(inner: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
    number = to_int(inner)
    return inner if number is None else number


def _double(inner: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
    try:
        return finite(float(inner))
    except (TypeError, ValueError, OverflowError):
        return inner


def _nested(name: str, inner: object, level: int) -> Any:  # noqa: ANN401 - a list, a map or a text
    if level > _LEVELS:
        return f"nested deeper than {_LEVELS} levels"
    parts = _dict(inner).get("values")
    return attributes_of(parts, level) if name == "kvlistValue" else [value_of(part, level)[1] for part in _list(parts)]


def _same(inner: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
    return inner


_VALUE_KINDS: Final[Mapping[str, tuple[str, Callable[[Any], Any]]]] = {
    "boolValue": ("bool", _same),
    "intValue": ("int", _whole),
    "doubleValue": ("double", _double),
    "bytesValue": ("bytes", _same),
}


def _span(raw: Mapping[str, Any]) -> Span | None:
    """The neutral parts of one span; None without usable ids."""
    field = raw.get
    trace_id, span_id = hex_id(field("traceId"), 32), hex_id(field("spanId"), 16)
    if not (trace_id and span_id):
        return None
    start_ns, end_ns = to_int(field("startTimeUnixNano")) or 0, to_int(field("endTimeUnixNano")) or 0
    status = field("status")
    code, message = _status(status) if status else ("UNSET", "")
    events, links, parent = field("events"), field("links"), field("parentSpanId")
    more = {name: raw[name] for name in _OTHERS if field(name)}
    if "kind" in more:
        more["kind"] = _KIND_NAMES.get(more["kind"], more["kind"]) if isinstance(more["kind"], str) else more["kind"]
    return Span(
        trace_id,
        span_id,
        hex_id(parent, 16) if parent else None,
        str(field("name") or ""),
        start_ns,
        end_ns - start_ns if end_ns else None,
        code,
        message,
        attributes_of(field("attributes")),
        [_event(event) for event in _list(events)] if events else (),
        [_link(link) for link in _list(links)] if links else (),
        more,
    )


def _event(event: Mapping[str, Any]) -> dict[str, Any]:
    time_ns = to_int(event.get("timeUnixNano")) or None
    return {"name": event.get("name"), "time_ns": time_ns, "attributes": attributes_of(event.get("attributes"))}


def _link(link: Mapping[str, Any]) -> dict[str, Any]:
    attributes = attributes_of(link.get("attributes"))
    return {"trace_id": hex_id(link.get("traceId"), 32), "span_id": hex_id(link.get("spanId"), 16)} | (
        {"attributes": attributes} if attributes else {}
    )


def _record(raw: Mapping[str, Any]) -> Record:
    kind, body = value_of(raw.get("body"))
    return Record(
        hex_id(raw.get("traceId"), 32),
        hex_id(raw.get("spanId"), 16),
        str(raw.get("eventName") or ""),
        to_int(raw.get("timeUnixNano")) or to_int(raw.get("observedTimeUnixNano")) or 0,
        kind,
        body,
        to_int(raw.get("severityNumber")) or 0,
        str(raw.get("severityText") or ""),
        attributes_of(raw.get("attributes")),
    )


def _points(source: Origin, metric: Mapping[str, Any], line: int) -> Parts:
    name = str(metric.get("name") or "")
    for kind in ("gauge", "sum"):
        shape = _dict(metric.get(kind))
        about = {"kind": kind, "unit": metric.get("unit"), "description": metric.get("description")}
        about |= {"monotonic": shape.get("isMonotonic"), "temporality": shape.get("aggregationTemporality")}
        about = {key: value for key, value in about.items() if value}
        for raw in _list(shape.get("dataPoints")):
            number = None if (to_int(raw.get("flags")) or 0) & NO_RECORDED_VALUE else _number(raw)
            time_ns = to_int(raw.get("timeUnixNano")) or 0
            yield spans.point(source, MetricPoint(name, attributes_of(raw.get("attributes")), time_ns, number, about))
    for kind in UNREADABLE:
        for _ in _list(_dict(metric.get(kind)).get("dataPoints")):
            yield Refused(line, not_a_value(name, kind))


def not_a_value(name: str, kind: str) -> str:
    """Why a point of this kind of metric is refused."""
    return f"the metric {name[:80]} is of kind {kind}; only gauges and sums are values"


def _number(raw: Mapping[str, Any]) -> float | str | None:
    if raw.get("asInt") is not None:
        return to_int(raw["asInt"])
    number = raw.get("asDouble")
    return None if number is None else _double(number)


def _scope(outer: Mapping[str, Any]) -> dict[str, Any]:
    scope = _dict(outer.get("scope") or outer.get("instrumentationLibrary"))
    fields = {name: scope[name] for name in ("name", "version") if scope.get(name)}
    attributes = attributes_of(scope.get("attributes"))
    return {**fields, "attributes": attributes} if attributes else fields


def _status(status: object) -> tuple[Status, str]:
    fields = _dict(status)
    code = fields.get("code")
    number = _STATUS_NAMES.get(code) if isinstance(code, str) else to_int(code)
    return cast("Status", semconv.STATUS.get(number or 0, "UNSET")), str(fields.get("message") or "")


def _list(value: object) -> Sequence[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else ()


def _dict(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


FORMAT: Final = JsonFormat(
    name="OTLP JSON",
    fits=is_otlp,
    read=rows,
    sample=b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "5b8efff798038103d269b633813fc60c", "spanId": '
    b'"eee19b7ec3c1b174", "name": "pay", "startTimeUnixNano": "1738000000000000000"}]}]}]}',
)

"""OTLP in protobuf: a message becomes rows, and bytes become a message; the same rows as from OTLP in JSON.

Source: opentelemetry-proto 1.45, trace.proto, logs.proto, metrics.proto and collector/*. `TracesData`, `LogsData` and
`MetricsData` have the layout of the three requests, so that files of either are read.
"""

import base64
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import islice
from typing import Any, Final

from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as logs
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as traces

from obs_core.capture import semconv
from obs_core.errors import FileRefused
from obs_core.ingest import spans
from obs_core.ingest.otlp_json import NO_RECORDED_VALUE, UNREADABLE, not_a_value
from obs_core.ingest.rows import MOST_NS, Refused, finite
from obs_core.ingest.spans import Origin, Point, Record, Span
from obs_core.model import Row

REQUESTS: Final[dict[str, type[Message]]] = {
    "traces": traces.ExportTraceServiceRequest,
    "logs": logs.ExportLogsServiceRequest,
    "metrics": metrics.ExportMetricsServiceRequest,
}
"""What a client sends, by the signal that the address names (/v1/traces, …)."""

ANSWERS: Final[dict[str, type[Message]]] = {
    "traces": traces.ExportTraceServiceResponse,
    "logs": logs.ExportLogsServiceResponse,
    "metrics": metrics.ExportMetricsServiceResponse,
}
"""What it gets back."""

_REJECTED: Final = {
    "traces": "rejected_spans",
    "logs": "rejected_log_records",
    "metrics": "rejected_data_points",
}
_KINDS: Final = {
    "string_value": "string",
    "bool_value": "bool",
    "int_value": "int",
    "double_value": "double",
    "array_value": "array",
    "kvlist_value": "kvlist",
    "bytes_value": "bytes",
}
_FIELDS: Final = {
    "traces": ("resource_spans", "scope_spans", "spans"),
    "logs": ("resource_logs", "scope_logs", "log_records"),
    "metrics": ("resource_metrics", "scope_metrics", "metrics"),
}
_LOOKED_AT: Final = 100  # parts of a message that are looked at to know what they are
_TRACE_ID: Final = 16
_SPAN_ID: Final = 8
_NO_SPAN: Final = bytes(_SPAN_ID)
_NO_TRACE: Final = bytes(_TRACE_ID)
_LEAVES: Final[dict[str, Callable[[Any], bool]]] = {
    "traces": lambda span: len(span.trace_id) == _TRACE_ID and len(span.span_id) == _SPAN_ID,
    "logs": lambda record: bool(record.time_unix_nano or record.observed_time_unix_nano),
    "metrics": lambda metric: bool(metric.name and metric.WhichOneof("data")),
}


def message(signal: str, body: bytes) -> Message:
    """The request of this signal in `body`.

    Raises:
        FileRefused: it is no such message.
    """
    found: Message = REQUESTS[signal]()
    try:
        found.ParseFromString(body)
    except (DecodeError, UnicodeDecodeError) as error:
        raise FileRefused(
            f"The body is no OTLP {signal} message: {error}.", "Send it as the exporter made it."
        ) from error
    return found


def guessed(body: bytes) -> Message:
    """The message in `body`, whichever signal it is of: all three are built alike, and differ in their innermost parts.

    Raises:
        FileRefused: it is of none.
    """
    for signal, is_one in _LEAVES.items():
        try:
            found: Any = message(signal, body)
        except FileRefused:
            continue
        outer, inner, leaf = _FIELDS[signal]
        groups = (group for outermost in getattr(found, outer) for group in getattr(outermost, inner))
        leaves = list(islice((part for group in groups for part in getattr(group, leaf)), _LOOKED_AT))
        if any(is_one(part) for part in leaves) or (not leaves and not _is_foreign(found)):
            return found
    raise FileRefused("It is no OTLP message.", "Write what an OTLP exporter sends, or OTLP JSON.")


def _is_foreign(found: Any) -> bool:  # noqa: ANN401 - a message
    """Whether a message holds only what its definition does not know."""
    return not any(getattr(found, outer, ()) for outer, _, _ in _FIELDS.values())


def answer(signal: str, rejected: int = 0, why: str = "") -> Message:
    """The response of this signal; without anything to say, `partial_success` is unset, as the specification asks."""
    found: Message = ANSWERS[signal]()
    if rejected or why:
        partial = found.partial_success
        setattr(partial, _REJECTED[signal], rejected)
        partial.error_message = why
    return found


def rows(found: Message, line: int = 1, values: Collection[str] = ()) -> Iterator[Row | Refused]:
    """The rows of one message, the `line`-th of its file; what can't be stored comes as `Refused`, one for each part.

    Attributes of spans that `values` names become values of their calls.
    """
    told: Any = found
    if hasattr(told, "resource_spans"):
        return _calls(told.resource_spans, line, values)
    if hasattr(told, "resource_logs"):
        return _logs(told.resource_logs)
    return _points(told.resource_metrics, line)


def _calls(groups: Iterable[Any], line: int, values: Collection[str]) -> Iterator[Row | Refused]:
    for source, raw in _parts(groups, *_FIELDS["traces"][1:]):
        span = _span(raw)
        if span is None:
            yield Refused(line, f"a span without a usable id: {raw.trace_id.hex():.40}, {raw.span_id.hex():.40}")
        elif values:
            yield from spans.rows(source, span, values)
        else:
            yield spans.call(source, span)


def _logs(groups: Iterable[Any]) -> Iterator[Row]:
    for source, record in _parts(groups, *_FIELDS["logs"][1:]):
        yield spans.log_record(source, _record(record))


def _points(groups: Iterable[Any], line: int) -> Iterator[Row | Refused]:
    for source, metric in _parts(groups, *_FIELDS["metrics"][1:]):
        yield from _metric(source, metric, line)


def _parts(groups: Iterable[Any], inner: str, leaf: str) -> Iterator[tuple[Origin, Any]]:
    """The spans, records or metrics of a message, each with who sent it."""
    for outer in groups:
        resource = attributes_of(outer.resource.attributes)
        for group in getattr(outer, inner):
            source = spans.origin(resource, _scope(group.scope))
            for raw in getattr(group, leaf):
                yield source, raw


def attributes_of(pairs: Iterable[Any]) -> dict[str, Any]:
    """OTLP's list of keys and values as a dict of plain values."""
    found = {}
    for pair in pairs:
        value = pair.value
        kind = value.WhichOneof("value")
        if kind == "string_value":
            found[pair.key] = value.string_value
        else:
            found[pair.key] = _plain(value, kind)
    return found


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
    return base64.b64encode(value.bytes_value).decode() if kind == "bytes_value" else inner


def _span(raw: Any) -> Span | None:  # noqa: ANN401 - a Span; generated code has no types
    """The neutral parts of one span; None without usable ids."""
    trace_id, span_id, parent = raw.trace_id, raw.span_id, raw.parent_span_id
    if len(trace_id) != _TRACE_ID or len(span_id) != _SPAN_ID or trace_id == _NO_TRACE or span_id == _NO_SPAN:
        return None
    start, end = _moment(raw.start_time_unix_nano), raw.end_time_unix_nano
    status = raw.status
    pairs, events, links = raw.attributes, raw.events, raw.links
    return Span(
        trace_id.hex(),
        span_id.hex(),
        parent.hex() if len(parent) == _SPAN_ID and parent != _NO_SPAN else None,
        raw.name,
        start,
        end - start if 0 < end <= MOST_NS else None,
        semconv.STATUS.get(status.code, "UNSET"),  # type: ignore[arg-type]
        status.message,
        attributes_of(pairs) if pairs else {},
        [_event(event) for event in events] if events else (),
        [_link(link) for link in links] if links else (),
        _more(raw),
    )


def _more(raw: Any) -> dict[str, Any]:  # noqa: ANN401 - a Span
    """What else a span says, by the names of OTLP's JSON."""
    more: dict[str, Any] = {}
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
    return {"name": event.name, "time_ns": event.time_unix_nano, "attributes": attributes_of(event.attributes)}


def _link(link: Any) -> dict[str, Any]:  # noqa: ANN401 - a Span.Link
    attributes = attributes_of(link.attributes)
    return {"trace_id": _id(link.trace_id, _TRACE_ID), "span_id": _id(link.span_id, _SPAN_ID)} | (
        {"attributes": attributes} if attributes else {}
    )


def _record(raw: Any) -> Record:  # noqa: ANN401 - a LogRecord
    kind = raw.body.WhichOneof("value")
    return Record(
        _id(raw.trace_id, _TRACE_ID),
        _id(raw.span_id, _SPAN_ID),
        raw.event_name,
        _moment(raw.time_unix_nano) or _moment(raw.observed_time_unix_nano),
        _KINDS.get(kind),
        _plain(raw.body, kind),
        raw.severity_number,
        raw.severity_text,
        attributes_of(raw.attributes),
    )


def _metric(source: Origin, metric: Any, line: int) -> Iterator[Row | Refused]:  # noqa: ANN401 - a Metric
    kind = metric.WhichOneof("data")
    if kind in ("gauge", "sum"):
        shape = getattr(metric, kind)
        about = {"kind": kind, "unit": metric.unit, "description": metric.description}
        if kind == "sum":
            about |= {"monotonic": shape.is_monotonic, "temporality": shape.aggregation_temporality}
        about = {name: value for name, value in about.items() if value}
        for raw in shape.data_points:
            number = None if raw.flags & NO_RECORDED_VALUE else _number(raw)
            attributes = attributes_of(raw.attributes)
            yield spans.point(source, Point(metric.name, attributes, _moment(raw.time_unix_nano), number, about))
    elif kind:
        name = _camel(kind)
        for _ in getattr(metric, kind).data_points:
            yield Refused(line, not_a_value(metric.name, name))


def _camel(kind: str) -> str:
    return next((name for name in UNREADABLE if name.lower() == kind.replace("_", "")), kind)


def _number(raw: Any) -> float | str | None:  # noqa: ANN401 - a NumberDataPoint
    kind = raw.WhichOneof("value")
    return None if kind is None else int(raw.as_int) if kind == "as_int" else finite(raw.as_double)


def _scope(scope: Any) -> dict[str, Any]:  # noqa: ANN401 - an InstrumentationScope
    told = {name: text for name, text in (("name", scope.name), ("version", scope.version)) if text}
    attributes = attributes_of(scope.attributes)
    return {**told, "attributes": attributes} if attributes else told


def _id(raw: bytes, length: int) -> str | None:
    return raw.hex() if len(raw) == length and any(raw) else None


def _moment(nanoseconds: int) -> int:
    return nanoseconds if nanoseconds <= MOST_NS else 0

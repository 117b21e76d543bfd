"""OTLP in JSON: one object with resourceSpans, resourceLogs or resourceMetrics, or one per line.

Source: opentelemetry-proto, docs/specification.md "JSON Protobuf Encoding": ids in hex, enums as numbers, 64-bit
numbers as text or number, unknown fields ignored. Names of enums are read too: older collectors write them.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final, cast

from obs_core import semconv
from obs_core.ingest.formats import metric_points, spans
from obs_core.ingest.formats.import_format import Parts
from obs_core.ingest.formats.otlp_values import attributes_of, dict_of, list_of, value_of
from obs_core.ingest.formats.round_trip import CARRIED
from obs_core.ingest.formats.rows import Refused, hex_id, no_time, to_int, to_ns
from obs_core.ingest.formats.spans import Origin, Record, Span
from obs_core.model import Status

SIGNALS: Final = ("resourceSpans", "resourceLogs", "resourceMetrics")

_STATUS_NAMES: Final = {"STATUS_CODE_UNSET": 0, "STATUS_CODE_OK": 1, "STATUS_CODE_ERROR": 2}
_UNSET_CODES: Final = (None, 0, "0", "", "STATUS_CODE_UNSET")
_SEVERITIES: Final = {
    f"SEVERITY_NUMBER_{name}{count or ''}": number + max(count - 1, 0)
    for number, name in zip(range(1, 24, 4), ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"), strict=True)
    for count in (0, 2, 3, 4)
}
_KIND_NAMES: Final = {
    f"SPAN_KIND_{name}": number
    for number, name in enumerate(("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"))
}
_RARE: Final = ("traceState", "flags", "droppedAttributesCount", "droppedEventsCount", "droppedLinksCount")


def groups_of(outer: Mapping[str, Any], inner: str) -> Sequence[dict[str, Any]]:
    """The scopes of a resource; old files call them libraries."""
    return list_of(outer.get(inner)) or list_of(outer.get(inner.replace("scope", "instrumentationLibrary")))


def rows(document: Mapping[str, Any], line: int, values: Collection[str] = ()) -> Parts:
    """The rows of an OTLP object that begins at `line`; parts that can't be stored are `Refused`.

    Attributes of spans named in `values` become values of their calls.
    """
    for source, raw in _parts(document, "resourceSpans", "scopeSpans", "spans"):
        span = _span(raw) if isinstance(raw, dict) else _not_an_object(raw)
        if isinstance(span, str):
            yield Refused(line, span)
        elif values:
            yield from spans.rows(source, span, values)
        else:
            yield spans.call(source, span)
    for source, raw in _parts(document, "resourceLogs", "scopeLogs", "logRecords"):
        record = _record(raw) if isinstance(raw, dict) else _not_an_object(raw)
        yield Refused(line, record) if isinstance(record, str) else spans.log_record(source, record)
    for source, raw in _parts(document, "resourceMetrics", "scopeMetrics", "metrics"):
        if isinstance(raw, dict):
            yield from metric_points.rows(source, raw, line)
        else:
            yield Refused(line, _not_an_object(raw))


def _parts(document: Mapping[str, Any], *names: str) -> Iterator[tuple[Origin, Any]]:
    """The spans, records or metrics of a document, each with its origin."""
    outermost, inner, leaf = names
    for outer in list_of(document.get(outermost)):
        resource = attributes_of(dict_of(outer.get("resource")).get("attributes"))
        for group in groups_of(outer, inner):
            source = spans.origin(resource, _scope(group))
            leaves = group.get(leaf)
            yield from ((source, raw) for raw in (leaves if isinstance(leaves, list) else ()))


def _not_an_object(raw: object) -> str:
    return f"a span, a log record or a metric that is not an object: {raw!s:.40}"


def _span(raw: Mapping[str, Any]) -> Span | str:
    """The neutral parts of one span, or why it can't be stored."""
    field = raw.get
    trace_id, span_id = hex_id(field("traceId"), 32), hex_id(field("spanId"), 16)
    if not (trace_id and span_id):
        return f"a span without a usable id: {raw.get('traceId')!s:.40}, {raw.get('spanId')!s:.40}"
    start, end = field("startTimeUnixNano") or 0, field("endTimeUnixNano") or 0
    start_ns, end_ns = to_ns(start), to_ns(end)
    attributes = attributes_of(field("attributes"))
    if (not start_ns and (start_ns is None or CARRIED not in attributes)) or end_ns is None:
        return no_time("span", field("name"), end if start_ns else start)
    status = field("status")
    code, message = _status(status) if status else ("UNSET", "")
    events, links, parent = field("events"), field("links"), field("parentSpanId")
    kind = field("kind")
    more = {"kind": _KIND_NAMES.get(kind, kind) if isinstance(kind, str) else kind} if kind else {}
    if not raw.keys().isdisjoint(_RARE):
        more |= {name: raw[name] for name in _RARE if field(name)}
    parent_id = hex_id(parent, 16) if parent else None
    if parent and not parent_id and str(parent).strip("0"):
        more["parentSpanId"] = parent  # an id that can't be read is shown, not dropped
    if code == "UNSET" and status and (given := dict_of(status).get("code")) not in _UNSET_CODES:
        more["statusCode"] = given
    return Span(
        trace_id,
        span_id,
        parent_id,
        str(field("name") or ""),
        start_ns,
        end_ns - start_ns if end_ns and start_ns else None,
        code,
        message,
        attributes,
        [_event(event) for event in list_of(events)] if events else (),
        [_link(link) for link in list_of(links)] if links else (),
        more,
    )


def _event(event: Mapping[str, Any]) -> dict[str, Any]:
    given = event.get("timeUnixNano")
    time_ns = to_ns(given)
    unread = {} if time_ns is not None or not given else {"time": given}
    attributes = attributes_of(event.get("attributes"))
    return {"name": event.get("name"), "time_ns": time_ns or None, "attributes": attributes, **unread}


def _link(link: Mapping[str, Any]) -> dict[str, Any]:
    attributes = attributes_of(link.get("attributes"))
    trace_id, span_id = link.get("traceId"), link.get("spanId")
    return {"trace_id": hex_id(trace_id, 32) or trace_id, "span_id": hex_id(span_id, 16) or span_id} | (
        {"attributes": attributes} if attributes else {}
    )


def _record(raw: Mapping[str, Any]) -> Record | str:
    """The neutral parts of one log record, or why it can't be stored."""
    kind, body = value_of(raw.get("body"))
    times = raw.get("timeUnixNano") or 0, raw.get("observedTimeUnixNano") or 0
    time_ns, observed_ns = map(to_ns, times)
    if time_ns is None or observed_ns is None:
        return no_time("log record", raw.get("eventName") or body, times[time_ns is not None])
    attributes = attributes_of(raw.get("attributes"))
    if not (time_ns or observed_ns or CARRIED in attributes):
        return no_time("log record", raw.get("eventName") or body)
    severity = raw.get("severityNumber") or 0
    number = _SEVERITIES.get(severity) if isinstance(severity, str) else None
    number = to_int(severity) if number is None else number
    if number is None:
        return f"a log record with a severity that is not a number: {severity!s:.40}"
    return Record(
        hex_id(raw.get("traceId"), 32),
        hex_id(raw.get("spanId"), 16),
        str(raw.get("eventName") or ""),
        time_ns or observed_ns,
        kind,
        body,
        number,
        str(raw.get("severityText") or ""),
        attributes,
    )


def _scope(outer: Mapping[str, Any]) -> dict[str, Any]:
    scope = dict_of(outer.get("scope") or outer.get("instrumentationLibrary"))
    fields = {name: scope[name] for name in ("name", "version") if scope.get(name)}
    attributes = attributes_of(scope.get("attributes"))
    return {**fields, "attributes": attributes} if attributes else fields


def _status(status: object) -> tuple[Status, str]:
    fields = dict_of(status)
    code = fields.get("code")
    number = _STATUS_NAMES.get(code) if isinstance(code, str) else None
    number = to_int(code) if number is None else number
    return cast("Status", semconv.STATUS.get(number or 0, "UNSET")), str(fields.get("message") or "")

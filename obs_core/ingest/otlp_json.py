"""OTLP in JSON: one object with resourceSpans or resourceLogs, or one per line, as the file exporters write them.

Source: opentelemetry-proto, docs/specification.md "JSON Protobuf Encoding": ids in hex, enums as numbers, 64-bit
numbers as text or number, unknown fields ignored.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal, cast

from obs_core.capture import semconv
from obs_core.ingest.rows import Refused, as_json, clean, hashed_id, hex_id, whole
from obs_core.model import Row

_STATUS_NAMES: Final = {"STATUS_CODE_UNSET": 0, "STATUS_CODE_OK": 1, "STATUS_CODE_ERROR": 2}
_VALUE_KINDS: Final = {
    "stringValue": "string",
    "boolValue": "bool",
    "intValue": "int",
    "doubleValue": "double",
    "arrayValue": "array",
    "kvlistValue": "kvlist",
    "bytesValue": "bytes",
}
_KEPT: Final = ("kind", "traceState", "flags", "droppedAttributesCount", "droppedEventsCount", "droppedLinksCount")

Status = Literal["OK", "ERROR", "UNSET"]


def is_otlp(document: object) -> bool:
    """Whether `document` is an OTLP export."""
    return isinstance(document, dict) and any(name in document for name in ("resourceSpans", "resourceLogs"))


def rows(document: Mapping[str, Any], line: int) -> Iterator[Row | Refused]:
    """The rows of one OTLP object that stands at `line`; what can't be stored comes as `Refused`."""
    for outer in _list(document.get("resourceSpans")):
        resource = attributes_of(_dict(outer.get("resource")).get("attributes"))
        for scope_spans in _list(outer.get("scopeSpans")) or _list(outer.get("instrumentationLibrarySpans")):
            scope = _scope(scope_spans)
            for span in _list(scope_spans.get("spans")):
                yield call(span, resource, scope, line)
    for outer in _list(document.get("resourceLogs")):
        resource = attributes_of(_dict(outer.get("resource")).get("attributes"))
        for scope_logs in _list(outer.get("scopeLogs")):
            scope = _scope(scope_logs)
            for record in _list(scope_logs.get("logRecords")):
                yield log_record(record, resource, scope)


def call(span: Mapping[str, Any], resource: Mapping[str, Any], scope: Mapping[str, Any], line: int) -> Row | Refused:
    """The row of one span."""
    trace_id, span_id = hex_id(span.get("traceId"), 32), hex_id(span.get("spanId"), 16)
    if not (trace_id and span_id):
        return Refused(line, f"a span without a usable id: {span.get('traceId')!s:.40}, {span.get('spanId')!s:.40}")
    start, end = whole(span.get("startTimeUnixNano")) or 0, whole(span.get("endTimeUnixNano")) or 0
    attributes = attributes_of(span.get("attributes"))
    events = [_event(event) for event in _list(span.get("events"))]
    raised = [event["attributes"] for event in events if event["name"] == semconv.EXCEPTION_EVENT]
    exception, stack = semconv.exception(raised[0]) if raised else (None, None)
    status, message = _status(_dict(span.get("status")))
    kept = {"attributes": attributes, "events": events, "links": [_link(link) for link in _list(span.get("links"))]}
    return Row(
        kind="call",
        process=clean(semconv.process(resource)),
        data=clean(str(span.get("name") or "")),
        timestamp=start,
        process_group=clean(semconv.process_group(resource)),
        status=status,
        exception=_clean(exception or (message if status == "ERROR" else None)),
        exception_stack=_clean(stack),
        trace_id=trace_id,
        span_id=span_id,
        parent_span_id=hex_id(span.get("parentSpanId"), 16),
        function=_clean(semconv.function_name(attributes)),
        duration_ns=end - start if end else None,
        attributes=as_json({**kept, "scope": scope, "span": {name: span[name] for name in _KEPT if span.get(name)}}),
    )


def log_record(record: Mapping[str, Any], resource: Mapping[str, Any], scope: Mapping[str, Any]) -> Row:
    """The row of one log record; it is tied to its call by trace and parent, and named by a hash of what it says."""
    attributes = attributes_of(record.get("attributes"))
    kind, body = value_of(record.get("body"))
    moment = whole(record.get("timeUnixNano")) or whole(record.get("observedTimeUnixNano")) or 0
    severity = whole(record.get("severityNumber")) or 0
    exception, stack = semconv.exception(attributes)
    name = record.get("eventName") or scope.get("name") or "log"
    return Row(
        kind="log",
        process=clean(semconv.process(resource)),
        data=clean(str(name)),
        timestamp=moment,
        process_group=clean(semconv.process_group(resource)),
        data_type=kind,
        data_value=None if body is None else clean(text_of(body)),
        status="ERROR" if severity >= semconv.ERROR_SEVERITY else "UNSET",
        exception=_clean(exception),
        exception_stack=_clean(stack),
        trace_id=hex_id(record.get("traceId"), 32),
        span_id=hashed_id(resource, name, attributes, moment, body, record.get("spanId")),
        parent_span_id=hex_id(record.get("spanId"), 16),
        function=_clean(semconv.function_name(attributes)),
        attributes=as_json({"attributes": attributes, "scope": scope, "severity": record.get("severityText")}),
    )


def attributes_of(pairs: object) -> dict[str, Any]:
    """OTLP's list of keys and values as a dict of plain values."""
    return {str(pair.get("key")): value_of(pair.get("value"))[1] for pair in _list(pairs)}


def value_of(any_value: object) -> tuple[str | None, Any]:
    """The kind and the plain value of an OTLP AnyValue; (None, None) where it has none."""
    for name, kind in _VALUE_KINDS.items():
        if isinstance(any_value, dict) and name in any_value:
            inner = any_value[name]
            if name == "intValue":
                number = whole(inner)
                return kind, inner if number is None else number
            if name == "arrayValue":
                return kind, [value_of(item)[1] for item in _list(_dict(inner).get("values"))]
            return kind, attributes_of(_dict(inner).get("values")) if name == "kvlistValue" else inner
    return None, None


def text_of(value: object) -> str:
    """A plain value as the column Data Value shows it."""
    return value if isinstance(value, str) else as_json({"": value})[5:-1] if value else str(value)  # type: ignore[index]


def _event(event: Mapping[str, Any]) -> dict[str, Any]:
    moment = whole(event.get("timeUnixNano"))
    return {"name": event.get("name"), "time_ns": moment, "attributes": attributes_of(event.get("attributes"))}


def _link(link: Mapping[str, Any]) -> dict[str, Any]:
    attributes = attributes_of(link.get("attributes"))
    return {"trace_id": hex_id(link.get("traceId"), 32), "span_id": hex_id(link.get("spanId"), 16)} | (
        {"attributes": attributes} if attributes else {}
    )


def _scope(outer: Mapping[str, Any]) -> dict[str, Any]:
    scope = _dict(outer.get("scope") or outer.get("instrumentationLibrary"))
    return {name: scope[name] for name in ("name", "version") if scope.get(name)}


def _status(status: Mapping[str, Any]) -> tuple[Status, str]:
    code = status.get("code")
    number = _STATUS_NAMES.get(code) if isinstance(code, str) else whole(code)
    return cast("Status", semconv.STATUS.get(number or 0, "UNSET")), str(status.get("message") or "")


def _clean(text: object) -> str | None:
    return clean(str(text)) if text else None


def _list(value: object) -> Sequence[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _dict(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}

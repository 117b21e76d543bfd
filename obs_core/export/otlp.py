"""Rows as OTLP in JSON, one object per line: calls as spans, values and log records as log records.

Metric points have neither text nor the call that recorded them, so values are written as log records. Columns without
a field in OTLP (a returned value, memory, …) are carried in the attribute `obs_core.row`: importing the file gives the
same rows.
Source: opentelemetry-proto, docs/specification.md "JSON Protobuf Encoding".
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from math import isfinite
from typing import Any, Final, NamedTuple

from obs_core import semconv
from obs_core.export.export_format import ExportFormat, joined
from obs_core.export.row_parts import Plain, carried, plain
from obs_core.ingest.formats import otlp_json
from obs_core.ingest.formats.round_trip import CARRIED
from obs_core.ingest.formats.rows import MOST_NS
from obs_core.model import Row
from obs_core.store.hashed_ids import hashed_id
from obs_core.text import json_text

BATCH: Final = 512  # rows per line, as the SDK's exporters send them

_TRACE_ID: Final = re.compile(r"(?!0{32})[0-9a-f]{32}")
_SPAN_ID: Final = re.compile(r"(?!0{16})[0-9a-f]{16}")
_STATUS: Final = {"OK": 1, "ERROR": 2}  # any other is unset
_SEVERITY: Final = 9  # INFO
_MOST_OF_32_BITS: Final = 2**32 - 1
_MOST_OF_AN_ENUM: Final = 2**31 - 1
_NUMBERS: Final = {
    "kind": _MOST_OF_AN_ENUM,
    "flags": _MOST_OF_32_BITS,
    "droppedAttributesCount": _MOST_OF_32_BITS,
    "droppedEventsCount": _MOST_OF_32_BITS,
    "droppedLinksCount": _MOST_OF_32_BITS,
}  # and the largest number that the field holds


class _Layers(NamedTuple):
    """The names of OTLP's three layers for one signal, and the function that writes the innermost."""

    outer: str
    inner: str
    leaf: str
    write: Callable[[Row, Plain], dict[str, Any]]


def lines(rows: Iterable[Row]) -> Iterator[str]:
    """The file line by line."""
    remaining = iter(rows)
    while batch := list(islice(remaining, BATCH)):
        for write, part in (
            (spans_document, [row for row in batch if is_span(row)]),
            (logs_document, [row for row in batch if not is_span(row)]),
        ):
            if part:
                yield json_text(write(part)) + "\n"


def is_span(row: Row) -> bool:
    """Whether a row is written as a span; all others are log records."""
    return row.kind == "call" and bool(row.trace_id and row.span_id)


def spans_document(rows: Iterable[Row]) -> dict[str, Any]:
    """The request of rows that are spans, as the object of OTLP's JSON."""
    return _document(_Layers("resourceSpans", "scopeSpans", "spans", _span), rows)


def logs_document(rows: Iterable[Row]) -> dict[str, Any]:
    """The request of all other rows."""
    return _document(_Layers("resourceLogs", "scopeLogs", "logRecords", _record), rows)


def _document(layers: _Layers, rows: Iterable[Row]) -> dict[str, Any]:
    """Rows by resource and scope, in the order of their first row."""
    groups: dict[str, tuple[dict[str, Any], list[dict[str, Any]]]] = {}
    for row in rows:
        plain_parts = plain(row)
        about = {"resource": {"attributes": _pairs(_resource(row, plain_parts))}, "scope": _scope(plain_parts)}
        part = layers.write(row, plain_parts)
        (read,) = otlp_json.rows(_layered(layers, about, [part]), 1)
        if isinstance(read, Row) and (columns := carried(row, read)):
            part["attributes"].append({"key": CARRIED, "value": _value(columns)})
        groups.setdefault(json_text(about), (about, []))[1].append(part)
    documents = [_layered(layers, about, parts) for about, parts in groups.values()]
    return {layers.outer: [document[layers.outer][0] for document in documents]}


def _layered(layers: _Layers, about: Mapping[str, Any], parts: list[dict[str, Any]]) -> dict[str, Any]:
    group = {"scope": about["scope"], layers.leaf: parts}
    return {layers.outer: [{"resource": about["resource"], layers.inner: [group]}]}


def _span(row: Row, parts: Plain) -> dict[str, Any]:
    assert row.trace_id
    trace_id = _trace_id(row.trace_id)
    span: dict[str, Any] = {"traceId": trace_id, "spanId": _span_id(row.trace_id, row.span_id)}
    if row.parent_span_id:
        span["parentSpanId"] = _span_id(row.trace_id, row.parent_span_id)
    start = max(1, row.timestamp)  # 0 says that there is none
    span |= {"name": row.data, "startTimeUnixNano": str(start)}
    if row.duration_ns is not None:
        span["endTimeUnixNano"] = str(max(start, min(MOST_NS, start + row.duration_ns)))
    span |= {name: parts.span[name] for name, most in _NUMBERS.items() if _is_number(parts.span.get(name), most)}
    if state := parts.span.get("traceState"):
        span["traceState"] = str(state)
    span["attributes"] = _pairs(parts.attributes_of(row))
    events = [_event(event) for event in parts.events_of(row)]
    links = [_link(link) for link in parts.links]
    span |= {name: parts for name, parts in (("events", events), ("links", links)) if parts}
    status: dict[str, Any] = {"code": _STATUS[row.status]} if row.status in _STATUS else {}
    raised = any(event["name"] == semconv.EXCEPTION_EVENT for event in events)
    if row.status == "ERROR" and row.exception and not raised:
        status["message"] = row.exception
    span["status"] = status
    return span


def _record(row: Row, parts: Plain) -> dict[str, Any]:
    number = parts.about.get("severity_number")
    if not _is_number(number, _MOST_OF_AN_ENUM):
        number = semconv.ERROR_SEVERITY if row.status == "ERROR" else _SEVERITY
    record: dict[str, Any] = {
        "timeUnixNano": str(max(1, row.timestamp)),
        "observedTimeUnixNano": str(max(1, row.timestamp)),
        "severityNumber": number,
        "severityText": str(parts.about.get("severity") or ""),
        "eventName": row.data,
        "body": {} if row.data_value is None else {"stringValue": row.data_value},
        "attributes": _pairs(parts.attributes_of(row)),
    }
    if row.trace_id:
        record["traceId"] = _trace_id(row.trace_id)
        if parent := row.parent_span_id or row.span_id:
            record["spanId"] = _span_id(row.trace_id, parent)
    return record


def _resource(row: Row, parts: Plain) -> dict[str, Any]:
    group = row.process_group or row.process
    named = {"service.name": group} | ({"service.instance.id": row.process} if row.process != group else {})
    return {**named, **parts.resource}


def _scope(parts: Plain) -> dict[str, Any]:
    scope: dict[str, Any] = {name: str(parts.scope[name]) for name in ("name", "version") if parts.scope.get(name)}
    attributes = parts.scope.get("attributes")
    return scope | ({"attributes": _pairs(attributes)} if isinstance(attributes, dict) and attributes else {})


def _event(event: Mapping[str, Any]) -> dict[str, Any]:
    time_ns = event.get("time_ns")
    time = {"timeUnixNano": str(time_ns)} if _is_number(time_ns) else {}
    attributes = event.get("attributes")
    return {
        **time,
        "name": str(event.get("name") or ""),
        "attributes": _pairs(attributes if isinstance(attributes, dict) else {}),
    }


def _link(link: Mapping[str, Any]) -> dict[str, Any]:
    trace_id, attributes = str(link.get("trace_id") or ""), link.get("attributes")
    ids = {"traceId": _trace_id(trace_id), "spanId": _span_id(trace_id, str(link.get("span_id") or ""))}
    return {**ids, "attributes": _pairs(attributes if isinstance(attributes, dict) else {})}


def _trace_id(text: str) -> str:
    """An id that OTLP accepts; other text is hashed."""
    return text if _TRACE_ID.fullmatch(text) else hashed_id("trace", text) + hashed_id("trace 2", text)


def _span_id(trace_id: str, text: str | None) -> str:
    return text if text and _SPAN_ID.fullmatch(text) else hashed_id("span", trace_id, text)


def _pairs(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": name, "value": _value(value)} for name, value in attributes.items()]


def _value(value: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever JSON holds
    """A plain value as OTLP's AnyValue."""
    if value is None:
        return {}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": _pairs(value)}}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_value(item) for item in value]}}
    if isinstance(value, float):
        return {"doubleValue": value if isfinite(value) else json.dumps(value)}
    if isinstance(value, int) and abs(value) <= MOST_NS:
        return {"boolValue": value} if isinstance(value, bool) else {"intValue": str(value)}
    return {"stringValue": str(value)}


def _is_number(value: object, most: int = MOST_NS) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most


FORMAT: Final = ExportFormat(
    name="otlp",
    label="OTLP JSON",
    suffix="otlp.jsonl",
    media_type="application/jsonl",
    write=lambda rows, _: joined(lines(rows)),
    offered_for="trace",
)

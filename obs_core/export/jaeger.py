"""Rows as Jaeger JSON: {"data": [trace, …]}, as Jaeger's page opens it.

Calls are spans; values and log records are logs of their call. Jaeger has microseconds, and no resource but the
process: columns without a field are carried in the tag `obs_core.row`, so importing the file gives the same rows.
Rows without a trace, or of a trace without an exported call, are left out.
Source: jaeger, internal/uimodel/model.go; OpenTelemetry, "OpenTelemetry to Jaeger Transformation".
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from math import isfinite
from typing import Any, Final

from obs_core.export.export_format import ExportFormat, Options, joined
from obs_core.export.row_parts import Plain, carried, plain
from obs_core.ingest.formats import jaeger, otel_tags
from obs_core.ingest.formats.round_trip import CARRIED, COLUMNS
from obs_core.ingest.formats.rows import MOST_NS, lenient_id
from obs_core.model import Row
from obs_core.store.hashed_ids import hashed_id
from obs_core.text import json_text

HELD: Final = 50_000  # rows held in memory to assemble traces; longer traces are written in several parts

_KINDS: Final = {number: name for name, number in jaeger.KINDS.items()}


def chunks(rows: Iterable[Row], *, held: int = HELD, left_out: Callable[[int], None] = lambda _: None) -> Iterator[str]:
    """The file piece by piece; `left_out` is called with the number of rows that a piece leaves out."""
    yield '{"data": ['
    comma = ""
    for trace_id, parts in _traces(rows, held):
        trace, lost = _trace(trace_id, parts)
        if lost:
            left_out(lost)
        if trace:
            yield f"{comma}\n{json_text(trace)}"
            comma = ","
    yield '\n], "total": 0, "limit": 0, "offset": 0, "errors": null}\n'


def _traces(rows: Iterable[Row], held: int) -> Iterator[tuple[str, list[Row]]]:
    """Rows by trace. If more than `held` are waiting, the traces with the oldest last row are written."""
    waiting: dict[str, list[Row]] = {}
    count = 0
    for row in rows:
        trace_id = row.trace_id or ""
        parts = waiting.pop(trace_id, [])
        parts.append(row)
        waiting[trace_id] = parts  # the dict is in the order of the last row
        count += 1
        while count > held:
            oldest = next(iter(waiting))
            parts = waiting.pop(oldest)
            count -= len(parts)
            yield oldest, parts
    yield from waiting.items()


def _trace(trace_id: str, rows: list[Row]) -> tuple[dict[str, Any] | None, int]:
    """A trace, or None, and the number of rows that it leaves out."""
    calls = [row for row in rows if row.kind == "call" and row.span_id] if trace_id else []
    if not calls:
        return None, len(rows)
    processes: dict[str, tuple[str, dict[str, Any]]] = {}
    spans: list[dict[str, Any]] = []
    span_by_id: dict[str | None, dict[str, Any]] = {}
    for row in calls:
        plain_parts = plain(row)
        process = _process(row, plain_parts)
        number, _ = processes.setdefault(json_text(process), (f"p{len(processes) + 1}", process))
        span = _span(row, plain_parts, number)
        (read,) = jaeger.rows({"traceID": trace_id, "spans": [span], "processes": {number: process}}, 1)
        if isinstance(read, Row) and (columns := carried(row, read)):
            span["tags"].append(_tag(CARRIED, json_text(columns)))
        spans.append(span)
        span_by_id[row.span_id] = span
    for row in rows:
        if not (row.kind == "call" and row.span_id):
            span_by_id.get(row.parent_span_id, spans[0])["logs"].append(_note(row))
    named = {"traceID": spans[0]["traceID"], "spans": spans, "processes": dict(processes.values())}
    return {**named, "warnings": None}, 0


def _span(row: Row, parts: Plain, process: str) -> dict[str, Any]:
    trace_id = _id(row.trace_id, 32)
    references = [("CHILD_OF", trace_id, _id(row.parent_span_id, 16))] if row.parent_span_id else []
    references += [("FOLLOWS_FROM", str(link.get("trace_id")), str(link.get("span_id"))) for link in parts.links]
    flags, warnings = parts.span.get("flags"), parts.span.get("warnings")
    return {
        "traceID": trace_id,
        "spanID": _id(row.span_id, 16),
        "flags": flags if isinstance(flags, int) else 1,
        "operationName": row.data,
        "references": [{"refType": kind, "traceID": trace, "spanID": span} for kind, trace, span in references],
        "startTime": max(jaeger.MICRO, row.timestamp) // jaeger.MICRO,
        "duration": max(0, row.duration_ns or 0) // jaeger.MICRO,
        "tags": _tags(row, parts),
        "logs": [_log(event) for event in parts.events_of(row)],
        "processID": process,
        "warnings": warnings if isinstance(warnings, list) else None,
    }


def _id(text: str | None, length: int) -> str:
    """An id that the importer accepts; other text is hashed."""
    return text if text and lenient_id(text, length) else hashed_id("jaeger", text)


def _tags(row: Row, parts: Plain) -> list[dict[str, Any]]:
    attributes = parts.attributes_of(row)
    if row.status == "ERROR":
        attributes |= {otel_tags.ERROR_TAG: True, otel_tags.STATUS_TAG: "ERROR"}
        if row.exception:
            attributes[otel_tags.MESSAGE_TAG] = row.exception
    elif row.status == "OK":
        attributes[otel_tags.STATUS_TAG] = "OK"
    if kind := parts.span.get("kind"):
        attributes[jaeger.KIND_TAG] = _KINDS.get(kind, kind) if isinstance(kind, int) else kind
    if state := parts.span.get("traceState"):
        attributes[otel_tags.STATE_TAG] = state
    for field, name in zip(("name", "version"), otel_tags.SCOPE_TAGS, strict=True):
        if value := parts.scope.get(field):
            attributes[name] = value
    return [_tag(name, value) for name, value in attributes.items()]


def _tag(name: str, value: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever JSON holds
    if isinstance(value, bool):
        return {"key": name, "type": "bool", "value": value}
    if isinstance(value, int) and abs(value) <= MOST_NS:
        return {"key": name, "type": "int64", "value": value}
    if isinstance(value, float) and isfinite(value):
        return {"key": name, "type": "float64", "value": value}
    return {"key": name, "type": "string", "value": value if isinstance(value, str) else json_text(value)}


def _log(event: Mapping[str, Any]) -> dict[str, Any]:
    time_ns = event.get("time_ns")
    attributes = event.get("attributes")
    fields = [_tag("event", event["name"])] if event.get("name") else []
    fields += [_tag(name, value) for name, value in attributes.items()] if isinstance(attributes, dict) else []
    return {"timestamp": time_ns // jaeger.MICRO if isinstance(time_ns, int) else 0, "fields": fields}


def _note(row: Row) -> dict[str, Any]:
    """A value or a log record as a log of its call: its name and text for people, and all columns for the import."""
    whole = {name: cell for name in COLUMNS if (cell := getattr(row, name)) is not None}
    fields = [_tag("event", row.data), _tag("message", row.data_value or ""), _tag(CARRIED, json_text(whole))]
    return {"timestamp": max(jaeger.MICRO, row.timestamp) // jaeger.MICRO, "fields": fields}


def _process(row: Row, parts: Plain) -> dict[str, Any]:
    group = row.process_group or row.process
    tags = {"service.instance.id": row.process} if row.process != group else {}
    return {"serviceName": group, "tags": [_tag(name, value) for name, value in {**tags, **parts.resource}.items()]}


def _write(rows: Iterable[Row], options: Options) -> Iterator[bytes]:
    return joined(chunks(rows, held=options.max_held or HELD, left_out=options.left_out))


FORMAT: Final = ExportFormat(
    name="jaeger",
    label="Jaeger JSON",
    suffix="jaeger.json",
    media_type="application/json",
    write=_write,
    offered_for="trace",
)

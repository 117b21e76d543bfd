"""Rows as requests of OTLP in protobuf: the export's object of OTLP's JSON, written into the message.

So a forwarded row is the same as an exported one, and the receiver gives it back as it was. Generated code has no
types, so messages are `Any`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from obs_core.export import otlp
from obs_core.ingest.formats.protobuf import messages
from obs_core.model import Row
from obs_core.text import clean

Json = Mapping[str, Any]
_NUMBERS: Final = {
    "kind": "kind",
    "flags": "flags",
    "droppedAttributesCount": "dropped_attributes_count",
    "droppedEventsCount": "dropped_events_count",
    "droppedLinksCount": "dropped_links_count",
}


def request(signal: str, rows: Sequence[Row]) -> bytes:
    """The body of the request that sends `rows`, all of one signal ("traces" or "logs"), not compressed."""
    message: Any = messages.REQUESTS[signal]()
    if signal == "traces":
        for outer in otlp.spans_document(rows)["resourceSpans"]:
            group = message.resource_spans.add()
            _add_pairs(group.resource.attributes, outer["resource"]["attributes"])
            for inner in outer["scopeSpans"]:
                scoped = group.scope_spans.add()
                _set_scope(scoped.scope, inner["scope"])
                for span in inner["spans"]:
                    _set_span(scoped.spans.add(), span)
    else:
        for outer in otlp.logs_document(rows)["resourceLogs"]:
            group = message.resource_logs.add()
            _add_pairs(group.resource.attributes, outer["resource"]["attributes"])
            for inner in outer["scopeLogs"]:
                scoped = group.scope_logs.add()
                _set_scope(scoped.scope, inner["scope"])
                for record in inner["logRecords"]:
                    _set_record(scoped.log_records.add(), record)
    body: bytes = message.SerializeToString()
    return body


def _set_scope(scope: Any, fields: Json) -> None:  # noqa: ANN401 - an InstrumentationScope
    if name := fields.get("name"):
        scope.name = clean(name)
    if version := fields.get("version"):
        scope.version = clean(version)
    _add_pairs(scope.attributes, fields.get("attributes", ()))


def _set_span(span: Any, fields: Json) -> None:  # noqa: ANN401 - a Span
    span.trace_id, span.span_id = bytes.fromhex(fields["traceId"]), bytes.fromhex(fields["spanId"])
    if parent := fields.get("parentSpanId"):
        span.parent_span_id = bytes.fromhex(parent)
    span.name = clean(fields["name"])
    span.start_time_unix_nano = int(fields["startTimeUnixNano"])
    if end := fields.get("endTimeUnixNano"):
        span.end_time_unix_nano = int(end)
    for name, field in _NUMBERS.items():
        if number := fields.get(name):
            setattr(span, field, number)
    if state := fields.get("traceState"):
        span.trace_state = clean(state)
    _add_pairs(span.attributes, fields["attributes"])
    for event in fields.get("events", ()):
        added = span.events.add()
        added.name, added.time_unix_nano = clean(event["name"]), int(event.get("timeUnixNano", 0))
        _add_pairs(added.attributes, event["attributes"])
    for link in fields.get("links", ()):
        added = span.links.add()
        added.trace_id, added.span_id = bytes.fromhex(link["traceId"]), bytes.fromhex(link["spanId"])
        _add_pairs(added.attributes, link["attributes"])
    status = fields["status"]
    if code := status.get("code"):
        span.status.code = code
    if text := status.get("message"):
        span.status.message = clean(text)


def _set_record(record: Any, fields: Json) -> None:  # noqa: ANN401 - a LogRecord
    record.time_unix_nano = int(fields["timeUnixNano"])
    record.observed_time_unix_nano = int(fields["observedTimeUnixNano"])
    record.severity_number = fields["severityNumber"]
    record.severity_text, record.event_name = clean(fields["severityText"]), clean(fields["eventName"])
    if body := fields["body"]:
        record.body.string_value = clean(body["stringValue"])
    _add_pairs(record.attributes, fields["attributes"])
    if trace_id := fields.get("traceId"):
        record.trace_id = bytes.fromhex(trace_id)
    if span_id := fields.get("spanId"):
        record.span_id = bytes.fromhex(span_id)


def _add_pairs(pairs: Any, attributes: Sequence[Json]) -> None:  # noqa: ANN401 - repeated KeyValue
    for attribute in attributes:
        added = pairs.add()
        added.key = clean(attribute["key"])
        _set_value(added.value, attribute["value"])


def _set_value(value: Any, plain: Json) -> None:  # noqa: ANN401 - an AnyValue
    for kind, inner in plain.items():
        if kind == "stringValue":
            value.string_value = clean(inner)
        elif kind == "intValue":
            value.int_value = int(inner)
        elif kind == "boolValue":
            value.bool_value = inner
        elif kind == "doubleValue":
            value.double_value = float(inner)
        elif kind == "kvlistValue":
            value.kvlist_value.SetInParent()
            _add_pairs(value.kvlist_value.values, inner["values"])
        else:
            value.array_value.SetInParent()
            for item in inner["values"]:
                _set_value(value.array_value.values.add(), item)

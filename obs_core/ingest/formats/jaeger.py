"""Jaeger JSON: a download of Jaeger's page or an answer of its API, {"data": [trace, …]}, one trace, or stored spans.

Source: jaeger, internal/uimodel/model.go; OpenTelemetry, "OpenTelemetry to Jaeger Transformation". Times are in
microseconds. Tags that represent a field of a span (error, otel.status_code, span.kind, …) become that field again.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from obs_core import semconv
from obs_core.ingest.formats import jaeger_storage, spans
from obs_core.ingest.formats.import_format import JsonFormat, Parts
from obs_core.ingest.formats.otel_tags import ERROR_TAG, MESSAGE_TAG, OLD_SCOPE_TAGS, SCOPE_TAGS, STATE_TAG, STATUS_TAG
from obs_core.ingest.formats.round_trip import CARRIED, restored
from obs_core.ingest.formats.rows import Refused, lenient_id, no_time, to_int, to_ns
from obs_core.ingest.formats.spans import Origin, Span
from obs_core.model import Status

MICRO: Final = 1_000  # nanoseconds
KINDS: Final = {"internal": 1, "server": 2, "client": 3, "producer": 4, "consumer": 5}
KIND_TAG: Final = "span.kind"

_FIELD_TAGS: Final = (ERROR_TAG, STATUS_TAG, MESSAGE_TAG, KIND_TAG, STATE_TAG, *SCOPE_TAGS)
_TRUE: Final = (True, "true", "True", 1)


def is_jaeger(document: object) -> bool:
    """Whether `document` has Jaeger's traces."""
    return isinstance(document, dict) and _traces(document) is not None


def rows(document: Mapping[str, Any], line: int, values: Collection[str] = ()) -> Parts:
    """The rows of the traces in a document that begins at `line`; spans that can't be stored are `Refused`."""
    for trace in _traces(document) or ():
        processes = trace.get("processes")
        known: dict[tuple[str | None, str], Origin] = {}
        for raw in _list(trace.get("spans")):
            if not isinstance(raw, dict):
                yield Refused(line, "a span that is not an object")
                continue
            trace_id = lenient_id(raw.get("traceID") or trace.get("traceID"), 32)
            span_id = lenient_id(raw.get("spanID"), 16)
            if not (trace_id and span_id):
                why = f"a span without a usable id: {raw.get('traceID')!s:.40}, {raw.get('spanID')!s:.40}"
                yield Refused(line, why)
                continue
            if unread := _unread_time(raw):
                yield Refused(line, unread)
                continue
            source, span = _span(raw, (trace_id, span_id), processes, known)
            own = [event for event in span.events if CARRIED in event["attributes"]]
            if own:
                span = span._replace(events=[event for event in span.events if CARRIED not in event["attributes"]])
            yield from spans.rows(source, span, values)
            yield from filter(None, (restored(event["attributes"][CARRIED]) for event in own))


def _traces(document: Mapping[str, Any]) -> Sequence[Mapping[str, Any]] | None:
    """The traces of a document; None if it has none."""
    if (stored := jaeger_storage.spans(document)) is not None:
        return [{"spans": stored}]
    data = document.get("data")
    if isinstance(data, list) and all(isinstance(trace, dict) and "spans" in trace for trace in data):
        return data
    return [document] if isinstance(document.get("spans"), list) and "traceID" in document else None


def _span(
    raw: Mapping[str, Any], key: tuple[str, str], processes: object, known: dict[tuple[str | None, str], Origin]
) -> tuple[Origin, Span]:
    """The origin of a span, and its neutral parts."""
    tags = _tags(raw.get("tags"))
    scope = {}
    for field, tag, old in zip(("name", "version"), SCOPE_TAGS, OLD_SCOPE_TAGS, strict=True):
        value = tags.pop(tag, None) or tags.pop(old, None)
        if value:
            scope[field] = value
    inline = raw.get("process")  # in spans of Jaeger's storage; those of its API refer to a process
    number = None if inline else str(raw.get("processID"))
    origin_key = number, str(scope)
    source = known.get(origin_key) if number else None
    if source is None:
        process = inline or _dict(processes).get(str(number))
        resource = {"service.name": _dict(process).get("serviceName"), **_tags(_dict(process).get("tags"))}
        source = known[origin_key] = spans.origin({name: text for name, text in resource.items() if text}, scope)
    events = [_event(log) for log in _list(raw.get("logs")) if isinstance(log, dict)]
    status, message = _status(tags)
    parent, links = _references(raw, key[0])
    more: dict[str, Any] = {}
    if kind := tags.pop(KIND_TAG, None):
        more["kind"] = KINDS.get(str(kind), kind)
    if state := tags.pop(STATE_TAG, None):
        more["traceState"] = state
    if flags := raw.get("flags"):
        more["flags"] = flags
    if warnings := raw.get("warnings"):
        more["warnings"] = warnings
    name = str(raw.get("operationName") or "")
    times = to_ns(raw.get("startTime"), MICRO) or 0, to_ns(raw.get("duration"), MICRO)
    return source, Span(*key, parent, name, *times, status, message, tags, events, links, more)


def _unread_time(raw: Mapping[str, Any]) -> str | None:
    """Why a span is refused: a time that is not a number, or none."""
    name = raw.get("operationName")
    for field in ("startTime", "duration"):
        value = raw.get(field) or 0
        if to_ns(value, MICRO) is None:
            return f"a span with a {field} that is not a time in µs: {name!s:.80}, {value!s:.40}"
    if not to_ns(raw.get("startTime"), MICRO) and CARRIED not in _tags(raw.get("tags")):
        return no_time("span", name)
    return None


def _tags(tags: object) -> dict[str, Any]:
    """Jaeger's list of typed tags as a dict of plain values; a tag with several values has them as a list."""
    plain: dict[str, Any] = {}
    several: dict[str, list[Any]] = {}
    for tag in _list(tags):
        if isinstance(tag, dict):
            name, value = str(tag.get("key")), _value(tag)
            if name in plain and name not in _FIELD_TAGS and value != plain[name]:
                several.setdefault(name, [plain[name]]).append(value)
            plain[name] = value
    return plain | several


def _value(tag: Mapping[str, Any]) -> Any:  # noqa: ANN401 - whatever the tag holds
    value, kind = tag.get("value"), tag.get("type")
    if kind == "bool":
        return value in _TRUE
    if kind == "int64" and isinstance(value, str):
        number = to_int(value)
        return value if number is None else number
    return value


def _event(log: Mapping[str, Any]) -> dict[str, Any]:
    """A span's log as an event; OpenTracing's errors are read as exceptions."""
    fields = _tags(log.get("fields"))
    name = fields.pop("event", None)
    if name == "error" and any(field in fields for field in ("error.object", "error.kind", "message", "stack")):
        name = semconv.EXCEPTION_EVENT
        message = fields.pop("message", None) or fields.get("error.object")
        renamed = {
            semconv.EXCEPTION_TYPE: fields.pop("error.kind", None),
            semconv.EXCEPTION_MESSAGE: message,
            semconv.EXCEPTION_STACK: fields.pop("stack", None),
        }
        fields |= {key: value for key, value in renamed.items() if value}
    given = log.get("timestamp")
    time_ns = to_ns(given, MICRO)
    unread = {} if time_ns is not None or given is None else {"time": given}
    return {"name": name, "time_ns": time_ns, "attributes": fields, **unread}


def _status(tags: dict[str, Any]) -> tuple[Status, str]:
    """The status and its message; their tags are removed."""
    code = str(tags.pop(STATUS_TAG, "")).upper()
    message = str(tags.pop(MESSAGE_TAG, None) or "")
    failed = tags.get(ERROR_TAG)
    if code == "ERROR" or failed in _TRUE:
        if failed in _TRUE:
            del tags[ERROR_TAG]
        return "ERROR", message
    if failed and failed != "false":  # some clients put the message into the tag
        return "ERROR", message or str(failed)
    return ("OK" if code == "OK" else "UNSET"), message


def _references(raw: Mapping[str, Any], trace_id: str) -> tuple[str | None, list[dict[str, Any]]]:
    """The parent, and the other spans that this one refers to.

    The parent is the first CHILD_OF in the same trace, else the first FOLLOWS_FROM there: Jaeger's page does the same.
    """
    references = [
        (ref.get("refType"), lenient_id(ref.get("traceID"), 32) or trace_id, lenient_id(ref.get("spanID"), 16))
        for ref in _list(raw.get("references"))
        if isinstance(ref, dict)
    ]
    near = [reference for reference in references if reference[1] == trace_id and reference[2]]
    parent = next((one for one in near if one[0] == "CHILD_OF"), near[0] if near else None)
    if not near and (older := lenient_id(raw.get("parentSpanID"), 16)):
        return older, [_link(one) for one in references]
    return (parent[2] if parent else None), [_link(one) for one in references if one is not parent]


def _link(reference: tuple[Any, str | None, str | None]) -> dict[str, Any]:
    return {"trace_id": reference[1], "span_id": reference[2]}


def _list(value: object) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _dict(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


FORMAT: Final = JsonFormat(
    name="Jaeger JSON",
    fits=is_jaeger,
    read=rows,
    sample=b'{"data": [{"traceID": "4bf92f3577b34da6a3ce929d0e0e4736", "processes": {"p1": {"serviceName": "shop"}},'
    b' "spans": [{"traceID": "4bf92f3577b34da6a3ce929d0e0e4736", "spanID": "00f067aa0ba902b7", "processID": "p1",'
    b' "operationName": "pay", "startTime": 1738000000000000, "duration": 1200}]}]}',
)

"""Spans as Python's libraries print them: OpenTelemetry's ConsoleSpanExporter, Phoenix (Arize), and MLflow.

Source: opentelemetry-python, ReadableSpan.to_json; Arize-ai/phoenix, `Span` of its REST API and JSON lines; mlflow,
`Span.to_dict` of versions 2 (ids in `context`) and 3 (as OTLP, ids in base64).
"""

import json
from base64 import b64decode
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from typing import Any, Final, cast

from obs_core import semconv
from obs_core.clock import iso_ns
from obs_core.ingest.formats import spans
from obs_core.ingest.formats.import_format import JsonFormat, Parts
from obs_core.ingest.formats.rows import Refused, hex_id, no_time, to_ns
from obs_core.ingest.formats.spans import Span
from obs_core.model import Status

_KINDS: Final = {"INTERNAL": 1, "SERVER": 2, "CLIENT": 3, "PRODUCER": 4, "CONSUMER": 5}
_STATUSES: Final[Mapping[str, Status]] = {"OK": "OK", "ERROR": "ERROR", "UNSET": "UNSET", "": "UNSET"}
_STARTS: Final = ("start_time", "start_time_unix_nano")
_ENDS: Final = ("end_time", "end_time_unix_nano")


def is_sdk_spans(document: object) -> bool:
    """Whether `document` is a span, or a trace of MLflow."""
    return _is_span(document) or bool(_of_mlflow(document))


def _is_span(raw: object) -> bool:
    if not isinstance(raw, dict) or "name" not in raw or not any(name in raw for name in _STARTS):
        return False
    context = raw.get("context", raw)
    return isinstance(context, dict) and "trace_id" in context and "span_id" in context and "duration" not in raw


def _of_mlflow(document: object) -> list[Any]:
    """The spans of a trace of MLflow: {"info": …, "data": {"spans": […]}}."""
    data = document.get("data") if isinstance(document, dict) and "info" in document else None
    raws = data.get("spans") if isinstance(data, dict) else None
    return raws if isinstance(raws, list) and all(map(_is_span, raws)) else []


def rows(document: Mapping[str, Any], line: int, values: Collection[str] = ()) -> Parts:
    """The rows of a document that begins at `line`; spans that can't be stored are `Refused`."""
    for raw in _of_mlflow(document) or [document]:
        span = _span(raw)
        if isinstance(span, str):
            yield Refused(line, span)
            continue
        resource = raw.get("resource")
        attributes = resource.get("attributes") if isinstance(resource, dict) else None
        named = attributes if isinstance(attributes, dict) else {}
        yield from spans.rows(spans.origin(named, _scope(raw)), span, values)


def _span(raw: Mapping[str, Any]) -> Span | str:
    """The neutral parts of one span, or why it can't be stored."""
    trace_id, span_id = _ids(raw.get("context", raw))
    if not (trace_id and span_id):
        return f"a span without a usable id: {raw.get('name')!s:.80}"
    times = [_first(raw, names) for names in (_STARTS, _ENDS)]
    start_ns, end_ns = map(_time_ns, times)
    if not start_ns or (end_ns is None and times[1]):
        return no_time("span", raw.get("name"), times[bool(start_ns)])
    status, message = _status(raw)
    events, links = raw.get("events"), raw.get("links")
    parent = raw.get("parent_id") or raw.get("parent_span_id")
    given = raw.get("attributes")
    attributes = {str(name): _plain(value) for name, value in given.items()} if isinstance(given, dict) else {}
    return Span(
        trace_id,
        span_id,
        _id(parent, 16) if parent else None,
        str(raw.get("name") or ""),
        start_ns,
        None if end_ns is None else end_ns - start_ns,
        status,
        message,
        attributes,
        [_event(event) for event in _objects(events)],
        [_link(link) for link in _objects(links)],
        _more(raw),
    )


def _more(raw: Mapping[str, Any]) -> dict[str, Any]:
    kind = str(raw.get("kind") or raw.get("span_kind") or "").removeprefix("SpanKind.").removeprefix("SPAN_KIND_")
    context = raw.get("context", raw)
    state = context.get("trace_state") if isinstance(context, dict) else None
    more = {"kind": _KINDS.get(kind, kind), "traceState": None if state == "[]" else state}
    return {name: value for name, value in more.items() if value}


def _scope(raw: Mapping[str, Any]) -> dict[str, Any]:
    scope = raw.get("instrumentation_scope")
    return {name: scope[name] for name in ("name", "version") if scope.get(name)} if isinstance(scope, dict) else {}


def _status(raw: Mapping[str, Any]) -> tuple[Status, str]:
    status = raw.get("status")
    flat = {"code": raw.get("status_code"), "message": raw.get("status_message")}
    fields = status if isinstance(status, dict) else flat
    code = fields.get("code", fields.get("status_code"))
    if isinstance(code, int):
        return cast("Status", semconv.STATUS.get(code, "UNSET")), str(fields.get("message") or "")
    name = str(code or "").removeprefix("STATUS_CODE_").removeprefix("StatusCode.").upper()
    return _STATUSES.get(name, "UNSET"), str(fields.get("message") or fields.get("description") or "")


def _event(raw: Mapping[str, Any]) -> dict[str, Any]:
    attributes = raw.get("attributes")
    plain = {str(name): _plain(value) for name, value in attributes.items()} if isinstance(attributes, dict) else {}
    if raw.get("message") and semconv.EXCEPTION_MESSAGE not in plain:  # Phoenix
        plain[semconv.EXCEPTION_MESSAGE] = raw["message"]
    time = _first(raw, ("timestamp", "time_unix_nano"))
    return {"name": raw.get("name"), "time_ns": _time_ns(time), "attributes": plain}


def _link(raw: Mapping[str, Any]) -> dict[str, Any]:
    trace_id, span_id = _ids(raw.get("context", raw))
    attributes = raw.get("attributes")
    return {"trace_id": trace_id, "span_id": span_id, **({"attributes": attributes} if attributes else {})}


def _ids(context: object) -> tuple[str | None, str | None]:
    fields = context if isinstance(context, dict) else {}
    return _id(fields.get("trace_id"), 32), _id(fields.get("span_id"), 16)


def _id(value: object, length: int) -> str | None:
    """An id in hex, perhaps after 0x, or in base64."""
    text = str(value or "")
    if text.endswith("="):
        with suppress(ValueError):
            text = b64decode(text, validate=True).hex()
    return hex_id(text.removeprefix("0x").rjust(length, "0"), length)


def _time_ns(value: object) -> int | None:
    """Nanoseconds, from a number of them or from ISO 8601."""
    time_ns = to_ns(value)
    return iso_ns(value) if time_ns is None and isinstance(value, str) else time_ns


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
    """An attribute; MLflow writes texts as JSON in JSON."""
    if isinstance(value, str) and value[:1] == value[-1:] == '"':
        with suppress(ValueError):
            return json.loads(value)
    return value


def _first(raw: Mapping[str, Any], names: tuple[str, ...]) -> Any:  # noqa: ANN401 - whatever JSON holds
    return next((raw[name] for name in names if raw.get(name) is not None), None)


def _objects(value: object) -> Iterator[Mapping[str, Any]]:
    return (item for item in value if isinstance(item, dict)) if isinstance(value, list) else iter(())


FORMAT: Final = JsonFormat(
    name="OpenTelemetry Python console JSON",
    fits=is_sdk_spans,
    read=rows,
    sample=b'{"name": "pay", "context": {"trace_id": "0x5b8efff798038103d269b633813fc60c",'
    b' "span_id": "0xeee19b7ec3c1b174"}, "kind": "SpanKind.INTERNAL",'
    b' "start_time": "2025-01-27T17:46:40Z", "end_time": "2025-01-27T17:46:41Z"}',
)

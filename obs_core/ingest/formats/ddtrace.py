"""ddtrace JSON: a list of traces, each a list of spans, as in its snapshots and its agent's API.

Source: dd-trace-py, tests/snapshots; Datadog agent, /v0.4/traces. Ids are numbers, times nanoseconds.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from obs_core import semconv
from obs_core.ingest.formats import spans
from obs_core.ingest.formats.import_format import JsonFormat, Parts
from obs_core.ingest.formats.rows import Refused, no_time, to_ns
from obs_core.ingest.formats.spans import Origin, Span
from obs_core.store.hashed_ids import hashed_id

_HIGH_BITS: Final = "_dd.p.tid"  # the upper 64 bits of the trace id, on a trace's first span
_ID_BITS: Final = 64
_SMALL: Final = 1 << 32  # ids are random numbers of 63 or 64 bits; recordings for tests count from 0
_KINDS: Final = {"internal": 1, "server": 2, "client": 3, "producer": 4, "consumer": 5}
_ERRORS: Final = {
    "error.type": semconv.EXCEPTION_TYPE,
    "error.message": semconv.EXCEPTION_MESSAGE,
    "error.msg": semconv.EXCEPTION_MESSAGE,
    "error.stack": semconv.EXCEPTION_STACK,
}


def is_ddtrace(document: object) -> bool:
    """Whether `document` has ddtrace's spans."""
    first = document
    while isinstance(first, list) and first:
        first = first[0]
    return isinstance(document, list) and isinstance(first, dict) and "span_id" in first and "trace_id" in first


def rows(document: Sequence[Any], line: int, values: Collection[str] = ()) -> Parts:
    """The rows of the traces in a document that begins at `line`; spans that can't be stored are `Refused`."""
    traces = document if all(isinstance(trace, list) for trace in document) else [document]
    origins: dict[str, Origin] = {}
    for trace in traces:
        raws = [raw for raw in trace if isinstance(raw, dict)]
        by_number: dict[str, list[Mapping[str, Any]]] = {}
        for raw in raws:
            by_number.setdefault(str(raw.get("trace_id")), []).append(raw)
        ids = {number: _trace_id(number, own) for number, own in by_number.items()}
        for raw in trace:
            span = _span(raw, ids) if isinstance(raw, dict) else None
            if span is None:
                shown = raw.get("span_id") if isinstance(raw, dict) else raw
                yield Refused(line, f"a span without a usable id: {shown!s:.40}")
                continue
            if isinstance(span, str):
                yield Refused(line, span)
                continue
            service = str(raw.get("service") or _meta(raw).get("_dd.base_service") or "")
            if service not in origins:
                origins[service] = spans.origin({"service.name": service} if service else {}, {})
            yield from spans.rows(origins[service], span, values)


def _trace_id(number: str, own: Sequence[Mapping[str, Any]]) -> str | None:
    """The trace id for `number`, which the spans `own` have.

    Recordings that count their traces from 0 use the same number for a different trace in each file. Their ids are a
    hash of the trace's first span, so that files do not mix and importing a file again changes nothing.
    """
    low = _unsigned(number)
    if low is None:
        return None
    high = next((str(_meta(raw)[_HIGH_BITS]) for raw in own if _meta(raw).get(_HIGH_BITS)), "0" * 16)
    if low < _SMALL:
        first = next((raw for raw in own if not raw.get("parent_id")), own[0])
        parts = (number, high, first.get("name"), first.get("start"), _meta(first).get("runtime-id"))
        return hashed_id("high", *parts) + hashed_id("low", *parts)
    return f"{high[-16:]:0>16}{low:016x}"


def _span(raw: Mapping[str, Any], ids: Mapping[str, str | None]) -> Span | str | None:
    """The neutral parts of one span; why its times or its parent can't be read; None without usable ids."""
    trace_id = ids[str(raw.get("trace_id"))]
    number, parent = _unsigned(raw.get("span_id")), _unsigned(raw.get("parent_id"))
    if not (trace_id and number):
        return None
    start, duration = to_ns(raw.get("start") or 0), to_ns(raw.get("duration") or 0)
    for field, value in (("start", start), ("duration", duration), ("parent_id", parent)):
        if value is None and raw.get(field):
            return f"a span with a {field} that can't be read: {raw.get('name')!s:.80}, {raw[field]!s:.40}"
    if not start:
        return no_time("span", raw.get("name"))
    duration = None if raw.get("duration") is None else duration
    attributes = dict(_meta(raw))
    error = {name: attributes.pop(tag) for tag, name in _ERRORS.items() if tag in attributes}
    events = []
    if error:
        end_ns = start + (duration or 0)
        events.append({"name": semconv.EXCEPTION_EVENT, "time_ns": end_ns, "attributes": error})
    links = [_link(link) for link in _objects(raw.get("span_links"), attributes.pop("_dd.span_links", None))]
    events += [_event(event) for event in _objects(raw.get("span_events"), attributes.pop("events", None))]
    metrics = raw.get("metrics")
    if isinstance(metrics, dict):
        attributes |= metrics
    for name, value in (("resource.name", raw.get("resource")), ("span.type", raw.get("type"))):
        if value:
            attributes[name] = value
    kind = attributes.pop("span.kind", None)
    return Span(
        trace_id,
        f"{number:016x}",
        f"{parent:016x}" if parent else None,
        str(raw.get("name") or ""),
        start,
        duration,
        "ERROR" if raw.get("error") else "UNSET",
        "",
        attributes,
        events,
        links,
        {"kind": _KINDS.get(str(kind), kind)} if kind else {},
    )


def _objects(field: object, text: object) -> Sequence[Mapping[str, Any]]:
    """The objects of a field, or of the tag that holds them as JSON where the agent does not know the field."""
    if not isinstance(field, list) and isinstance(text, str):
        try:
            field = json.loads(text)
        except (ValueError, RecursionError):
            field = [{"text": text}]
    return [item for item in field if isinstance(item, dict)] if isinstance(field, list) else ()


def _link(raw: Mapping[str, Any]) -> dict[str, Any]:
    """A link; its ids are numbers, or hex where they come from a tag."""
    trace_id, span_id = raw.get("trace_id"), raw.get("span_id")
    if not isinstance(trace_id, str):
        high, low = _unsigned(raw.get("trace_id_high") or 0), _unsigned(trace_id)
        trace_id = trace_id if low is None or high is None else f"{high:016x}{low:016x}"
    if not isinstance(span_id, str) and (number := _unsigned(span_id)) is not None:
        span_id = f"{number:016x}"
    others = {
        name: value for name, value in raw.items() if name not in ("trace_id", "trace_id_high", "span_id") and value
    }
    return {"trace_id": trace_id, "span_id": span_id, **others}


def _event(raw: Mapping[str, Any]) -> dict[str, Any]:
    attributes = raw.get("attributes")
    plain = {name: _attribute(value) for name, value in attributes.items()} if isinstance(attributes, dict) else {}
    others = {"text": raw["text"]} if "text" in raw else {}
    return {"name": raw.get("name"), "time_ns": to_ns(raw.get("time_unix_nano")), "attributes": plain, **others}


def _attribute(value: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
    """The value of an event's attribute, which the agent's protocol writes with its type."""
    if not isinstance(value, dict) or "type" not in value:
        return value
    plain = next((inner for name, inner in value.items() if name.endswith("_value")), None)
    if isinstance(plain, dict) and isinstance(plain.get("values"), list):
        return [_attribute({"type": 0, **item} if isinstance(item, dict) else item) for item in plain["values"]]
    return plain


def _meta(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    meta = raw.get("meta")
    return meta if isinstance(meta, dict) else {}


def _unsigned(value: Any) -> int | None:  # noqa: ANN401 - whatever JSON holds
    """An id, also where it is written as text or as a signed number; None if it is not a 64-bit number."""
    if not isinstance(value, int | str):  # floats have only 53 of the 64 bits
        return None
    try:
        number = int(value)
    except ValueError:
        return None
    return number % (1 << _ID_BITS) if abs(number) < 1 << _ID_BITS else None


FORMAT: Final = JsonFormat(
    name="ddtrace JSON",
    fits=is_ddtrace,
    read=rows,
    sample=b'[[{"trace_id": 7305443922372071041, "span_id": 8146325170812375041, "parent_id": 0, "name": "get",'
    b' "service": "shop", "error": 0, "start": 1738000000000000000, "duration": 5000000}]]',
)

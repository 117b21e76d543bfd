"""Zipkin's version 1 of a span, as one or two spans of version 2.

Source: openzipkin/zipkin, zipkin2.v1.V1SpanConverter: the annotations cs, cr, sr, ss, ms, mr give kind and time;
binary annotations are tags, or the other side's endpoint (ca, sa, ma). One span may hold both halves.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from obs_core.ingest.formats.rows import to_int

_SIDES: Final = (("CLIENT", "cs", "cr"), ("SERVER", "sr", "ss"), ("PRODUCER", "ms", "ws"), ("CONSUMER", "mr", "wr"))
_CORE: Final = {name for _, *names in _SIDES for name in names}
_ADDRESSES: Final = {"ca": "SERVER", "sa": "CLIENT", "ma": "PRODUCER"}  # the kind of the span that has this other side


class _Note(NamedTuple):
    raw: Mapping[str, Any]
    name: str
    endpoint: Mapping[str, Any] | None


def is_v1(raw: object) -> bool:
    """Whether a span is of version 1: it has binary annotations, or annotations with an endpoint."""
    if not isinstance(raw, dict):
        return False
    notes = raw.get("annotations")
    return "binaryAnnotations" in raw or any(
        isinstance(note, dict) and "endpoint" in note for note in (notes if isinstance(notes, list) else ())
    )


def upgraded(raw: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The spans of version 2: the client's half first, then the server's."""
    notes = list(_notes(raw.get("annotations"), "value"))
    tags = list(_notes(raw.get("binaryAnnotations"), "key"))
    first = {note.name: note for note in reversed(notes)}
    sides = [side for side in _SIDES if side[1] in first or side[2] in first]
    common = {name: raw[name] for name in ("traceId", "id", "parentId", "name", "debug") if raw.get(name) is not None}
    services = [_service((first.get(start) or first[end]).endpoint) for _, start, end in sides]
    for number, (kind, start, end) in enumerate(sides):
        both = len(sides) > 1
        note = first.get(start) or first[end]
        begun, ended = _time(first.get(start)), _time(first.get(end))
        is_own = not (both and number)  # the span's own time is that of its first half
        timestamp = (raw.get("timestamp") if is_own else None) or begun
        duration = raw.get("duration") if is_own else None
        if duration is None and begun is not None and ended is not None:
            duration = ended - begun
        service = services[number]
        mine = [
            tag
            for tag in tags
            if _service(tag.endpoint) == service or (is_own and _service(tag.endpoint) not in services)
        ]
        own_notes = [
            one
            for one in notes
            if _service(one.endpoint) == service or (is_own and _service(one.endpoint) not in services)
        ]
        span = common | {"kind": kind, "timestamp": timestamp, "duration": duration, "localEndpoint": note.endpoint}
        if kind == "SERVER" and (both or raw.get("timestamp") is None):
            span["shared"] = True
        yield _filled(span, own_notes, mine, tags)
    if not sides:
        endpoint = next(
            (note.endpoint for note in (*tags, *notes) if note.endpoint and note.name not in _ADDRESSES), None
        )
        span = common | {"timestamp": raw.get("timestamp"), "duration": raw.get("duration"), "localEndpoint": endpoint}
        yield _filled(span, notes, tags, tags)


def _filled(span: dict[str, Any], notes: list[_Note], tags: list[_Note], all_tags: list[_Note]) -> dict[str, Any]:
    """The span with its tags, annotations and other side."""
    span["tags"] = {tag.name: tag.raw.get("value") for tag in tags if not _is_address(tag)}
    span["annotations"] = [
        {"timestamp": note.raw.get("timestamp"), "value": note.name} for note in notes if note.name not in _CORE
    ]
    other = (tag.endpoint for tag in all_tags if _is_address(tag) and _ADDRESSES[tag.name] == span.get("kind"))
    span["remoteEndpoint"] = next(other, None)
    return {name: value for name, value in span.items() if value is not None}


def _is_address(tag: _Note) -> bool:
    return tag.name in _ADDRESSES and tag.raw.get("value") in (True, "true", "\x01", None)


def _notes(raws: object, name: str) -> Iterator[_Note]:
    for raw in raws if isinstance(raws, list) else ():
        if isinstance(raw, dict):
            endpoint = raw.get("endpoint")
            yield _Note(raw, str(raw.get(name)), endpoint if isinstance(endpoint, dict) else None)


def _service(endpoint: Mapping[str, Any] | None) -> str:
    return str(endpoint.get("serviceName") or "") if endpoint else ""


def _time(note: _Note | None) -> int | None:
    return to_int(note.raw.get("timestamp")) if note else None

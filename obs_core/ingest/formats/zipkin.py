"""Zipkin JSON: a list of spans, a list of traces, or one span; version 2, and version 1 (`zipkin_v1`).

Source: openzipkin/zipkin-api, zipkin2-api.yaml; b3-propagation, "shared" spans. Times are in microseconds.

In Zipkin a client and the server that it calls may write halves of one span under the same id. The server's half gets
an id of its own here, with the client's span as its parent, and what that server calls moves under it. Further servers
of one id, and spans in pieces, are sorted out where rows meet in the log (`store.shared_ids`), across files too.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from obs_core.ingest.formats import otel_tags, spans, zipkin_v1
from obs_core.ingest.formats.import_format import JsonFormat, Parts
from obs_core.ingest.formats.rows import Refused, lenient_id, to_ns
from obs_core.ingest.formats.spans import Origin, Span
from obs_core.model import Status
from obs_core.store.hashed_ids import hashed_id

_MICRO: Final = 1_000  # nanoseconds
_KINDS: Final = {"SERVER": 2, "CLIENT": 3, "PRODUCER": 4, "CONSUMER": 5}
_LONG: Final = 32  # hex digits of a trace id of 128 bits
_ERROR_TAG: Final = "error"
_SCOPE_TAGS: Final = (*otel_tags.SCOPE_TAGS, *otel_tags.OLD_SCOPE_TAGS)


class _Half(NamedTuple):
    """A span as Zipkin wrote it, with parsed ids; `shared`: it is the server's half of a client's span."""

    raw: Mapping[str, Any]
    trace_id: str
    span_id: str
    parent: str | None
    service: str
    shared: bool

    @property
    def server_id(self) -> str:
        """The id of the server's half."""
        return hashed_id(self.trace_id, self.span_id, "server")


def is_zipkin(document: object) -> bool:
    """Whether `document` has Zipkin's spans."""
    first = document
    while isinstance(first, list) and first:
        first = first[0]
    return isinstance(first, dict) and "traceId" in first and "id" in first


def rows(document: object, line: int, values: Collection[str] = ()) -> Parts:
    """The rows of the spans in a document that begins at `line`; spans that can't be stored are `Refused`."""
    halves: list[_Half] = []
    raws = [span for raw in _flat(document) for span in (zipkin_v1.upgraded(raw) if zipkin_v1.is_v1(raw) else (raw,))]
    long_ids = {text[-16:]: text for raw in raws if len(text := _trace_id_of(raw)) == _LONG}
    for raw in raws:
        half = _half(raw, long_ids)
        if isinstance(half, str):
            yield Refused(line, half)
        else:
            halves.append(half)
    clients = {(half.trace_id, half.span_id) for half in halves if half.raw.get("kind") == "CLIENT" and not half.shared}
    servers: dict[tuple[str, str], set[str]] = {}
    for number, half in enumerate(halves):
        key = half.trace_id, half.span_id
        if half.shared or (half.raw.get("kind") == "SERVER" and key in clients):
            halves[number] = half._replace(shared=True)
            servers.setdefault(key, set()).add(half.service)
    own = {(half.trace_id, half.span_id) for half in halves if not half.shared}
    origins: dict[str, Origin] = {}
    for half in halves:
        scope = _scope(half.raw)
        origin_key = f"{half.service} {scope}"
        source = origins.get(origin_key)
        if source is None:
            resource = {"service.name": half.service} if half.service else {}
            source = origins[origin_key] = spans.origin(resource, scope)
        yield from spans.rows(source, _span(half, _ids(half, servers, own)), values)
    if without := _without_time(halves):
        why = f"spans without a time: {without:,}; they are at 1970-01-01 until a part with their time is read"
        yield Refused(line, why, parts=0)


def _without_time(halves: Iterable[_Half]) -> int:
    """How many spans have no time in any of their parts; another document may have it."""
    times: dict[tuple[str, str, bool], bool] = {}
    for half in halves:
        key = half.trace_id, half.span_id, half.shared
        times[key] = times.get(key, False) or bool(to_ns(half.raw.get("timestamp"), _MICRO))
    return sum(not has_time for has_time in times.values())


def _tags(raw: Mapping[str, Any]) -> dict[str, Any]:
    tags = raw.get("tags")
    return dict(tags) if isinstance(tags, dict) else {}


def _scope(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The scope that OpenTelemetry's exporters write into tags."""
    tags = raw.get("tags")
    if not isinstance(tags, dict):
        return {}
    fields = zip(("name", "version") * 2, _SCOPE_TAGS, strict=True)
    return {field: tags[name] for field, name in reversed(list(fields)) if tags.get(name)}


def _flat(document: object) -> Iterator[Any]:
    if isinstance(document, list):
        for part in document:
            yield from _flat(part)
    else:
        yield document


def _trace_id_of(raw: object) -> str:
    return lenient_id(raw.get("traceId"), 1) or "" if isinstance(raw, dict) else ""


def _half(raw: object, long_ids: Mapping[str, str]) -> _Half | str:
    """A span, or why it is refused; a trace id of 64 bits may be the end of one of 128 bits, which old services cut."""
    if not isinstance(raw, dict):
        return f"a span that is not an object: {raw!s:.40}"
    given = _trace_id_of(raw)
    trace_id, span_id = lenient_id(long_ids.get(given.rjust(16, "0"), given), 32), lenient_id(raw.get("id"), 16)
    if not (trace_id and span_id):
        return f"a span without a usable id: {given:.40}, {raw.get('id')!s:.40}"
    for field in ("timestamp", "duration"):
        if to_ns(raw.get(field) or 0, _MICRO) is None:
            return f"a span with a {field} that is not a time in µs: {raw.get('name')!s:.80}, {raw[field]!s:.40}"
    endpoint = raw.get("localEndpoint")
    service = str(endpoint.get("serviceName") or "") if isinstance(endpoint, dict) else ""
    return _Half(raw, trace_id, span_id, lenient_id(raw.get("parentId"), 16), service, raw.get("shared") is True)


def _ids(
    half: _Half, servers: Mapping[tuple[str, str], Collection[str]], own: Collection[tuple[str, str]]
) -> tuple[str, str | None]:
    """A span's id and its parent's.

    A server's half is a child of the client's half or, if the document lacks that, of the parent that it names.
    A child of a shared id belongs to the server's half if that service wrote it, or if the client's half is missing.
    """
    if half.shared and (half.trace_id, half.span_id) in own:
        return half.server_id, half.span_id
    parent = half.parent
    if parent and (served := servers.get((half.trace_id, parent))) is not None:
        alone = (half.trace_id, parent) not in own
        if alone or half.service in served:
            parent = hashed_id(half.trace_id, parent, "server")
    return (half.server_id if half.shared else half.span_id), parent


def _span(half: _Half, ids: tuple[str, str | None]) -> Span:
    raw = half.raw
    tags = _tags(raw)
    for name in _SCOPE_TAGS:
        tags.pop(name, None)
    code = str(tags.pop(otel_tags.STATUS_TAG, "")).upper()
    message = str(tags.pop(otel_tags.MESSAGE_TAG, None) or "")
    status: Status = "OK" if code == "OK" else "ERROR" if code == "ERROR" else "UNSET"
    if _ERROR_TAG in tags:  # its presence counts, not its text
        text = str(tags.pop(_ERROR_TAG) or "")
        status, message = "ERROR", message or ("" if text.lower() in ("true", "false") else text)
    more = {name: raw[name] for name in ("localEndpoint", "remoteEndpoint", "debug", "shared") if raw.get(name)}
    if more.get("localEndpoint") == {"serviceName": half.service}:
        del more["localEndpoint"]
    if half.shared and ids[0] != half.span_id:
        more["id"] = half.span_id
    if state := tags.pop(otel_tags.STATE_TAG, None):
        more["traceState"] = state
    if kind := raw.get("kind"):
        more["kind"] = _KINDS.get(str(kind), kind)
    annotations = raw.get("annotations")
    events: list[dict[str, Any]] = [
        {
            "name": note.get("value"),
            "time_ns": (time_ns := to_ns(note.get("timestamp"), _MICRO)),
            "attributes": {},
            **({"time": note["timestamp"]} if time_ns is None and note.get("timestamp") else {}),
        }
        for note in (annotations if isinstance(annotations, list) else ())
        if isinstance(note, dict)
    ]
    return Span(
        half.trace_id,
        *ids,
        str(raw.get("name") or ""),
        to_ns(raw.get("timestamp"), _MICRO) or 0,
        to_ns(raw.get("duration"), _MICRO),
        status,
        message,
        tags,
        events,
        (),
        more,
    )


FORMAT: Final = JsonFormat(
    name="Zipkin JSON",
    fits=is_zipkin,
    read=rows,
    sample=b'[{"traceId": "5af7183fb1d4cf5f", "id": "352bff9a74ca9ad2", "name": "get", "timestamp": 1556604172355737,'
    b' "duration": 1431, "kind": "SERVER", "localEndpoint": {"serviceName": "backend"}}]',
)

"""AWS X-Ray segment documents: one per line or in a list, or the answer of BatchGetTraces.

Source: AWS X-Ray developer guide, "X-Ray segment documents". Times are seconds; an id is 1-<8 hex>-<24 hex>, as in the
header X-Amzn-Trace-Id, and the same 32 hex digits as in W3C Trace Context.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from obs_core import semconv
from obs_core.ingest.formats import spans
from obs_core.ingest.formats.import_format import JsonFormat, Parts
from obs_core.ingest.formats.rows import Refused, hex_id, no_time, to_ns
from obs_core.ingest.formats.spans import Span

_SECOND: Final = 10**9  # nanoseconds
_FLAGS: Final = ("error", "fault", "throttle")
_READ: Final = frozenset(
    {"trace_id", "id", "parent_id", "name", "start_time", "end_time", "subsegments", "cause", "in_progress", "type"}
)


def is_xray(document: object) -> bool:
    """Whether `document` is a segment, or an answer with traces of segments."""
    if not isinstance(document, dict):
        return False
    return _is_segment(document) or any(True for _ in _documents(document))


def _is_segment(raw: Mapping[str, Any]) -> bool:
    return str(raw.get("trace_id")).startswith("1-") and "id" in raw and "start_time" in raw


def _documents(answer: Mapping[str, Any]) -> Iterator[str]:
    """The texts of the segments in an answer of BatchGetTraces."""
    for trace in _objects(answer.get("Traces")):
        for segment in _objects(trace.get("Segments")):
            if isinstance(segment.get("Document"), str):
                yield segment["Document"]


def rows(document: Mapping[str, Any], line: int, values: Collection[str] = ()) -> Parts:
    """The rows of the segments in a document that begins at `line`; those that can't be stored are `Refused`."""
    if _is_segment(document):
        yield from _segment(document, line, values)
        return
    for text in _documents(document):
        try:
            raw = json.loads(text)
        except (ValueError, RecursionError) as error:
            yield Refused(line, f"a segment that is not JSON: {error}")
            continue
        yield from (
            _segment(raw, line, values)
            if isinstance(raw, dict)
            else (Refused(line, "a segment that is not an object"),)
        )


def _segment(raw: Mapping[str, Any], line: int, values: Collection[str]) -> Parts:
    """A segment and its subsegments, which have its trace and service."""
    trace_id = hex_id(str(raw.get("trace_id") or "").removeprefix("1-").replace("-", ""), 32)
    source = spans.origin({"service.name": raw.get("name")}, {})
    is_part = raw.get("type") == "subsegment"  # sent alone
    pending = [(raw, raw.get("parent_id"), 1 if is_part else 2)]
    while pending:
        part, parent, kind = pending.pop(0)
        span_id = hex_id(part.get("id"), 16)
        pending += [(child, part.get("id"), 1) for child in _objects(part.get("subsegments"))]
        times = [part.get(name) for name in ("start_time", "end_time")]
        start_ns, end_ns = (to_ns(time, _SECOND) for time in times)
        if not (trace_id and span_id):
            yield Refused(line, f"a segment without a usable id: {raw.get('trace_id')!s:.40}, {part.get('id')!s:.40}")
        elif not start_ns or (end_ns is None and times[1] is not None):
            yield Refused(line, no_time("segment", part.get("name"), times[bool(start_ns)]))
        else:
            yield from spans.rows(
                source, _span(part, (trace_id, span_id, hex_id(parent, 16)), kind, start_ns, end_ns), values
            )


def _span(
    part: Mapping[str, Any], ids: tuple[str, str, str | None], kind: int, start_ns: int, end_ns: int | None
) -> Span:
    failed = any(part.get(flag) for flag in _FLAGS)
    attributes: dict[str, Any] = {}
    for name, value in part.items():
        if name == "annotations" and isinstance(value, dict):
            attributes |= value
        elif name not in _READ and value not in (None, {}, [], False):
            attributes[name] = value
    if part.get("namespace") == "remote":
        kind = 3
    return Span(
        *ids,
        str(part.get("name") or ""),
        start_ns,
        None if end_ns is None else end_ns - start_ns,
        "ERROR" if failed else "UNSET",
        "",
        attributes,
        list(_exceptions(part.get("cause"), end_ns)),
        (),
        {"kind": kind},
    )


def _exceptions(cause: object, time_ns: int | None) -> Iterator[dict[str, Any]]:
    """The exceptions of a cause; a cause may also be the id of the subsegment that has them."""
    if isinstance(cause, str):
        yield {"name": "cause", "time_ns": time_ns, "attributes": {"exception.id": cause}}
        return
    for raw in _objects(cause.get("exceptions") if isinstance(cause, dict) else None):
        frames = [
            f'  File "{frame.get("path")}", line {frame.get("line")}, in {frame.get("label")}'
            for frame in _objects(raw.get("stack"))
        ]
        named = {
            semconv.EXCEPTION_TYPE: raw.get("type"),
            semconv.EXCEPTION_MESSAGE: raw.get("message"),
            semconv.EXCEPTION_STACK: "\n".join(frames),
            "exception.id": raw.get("id"),
        }
        attributes = {name: value for name, value in named.items() if value}
        yield {"name": semconv.EXCEPTION_EVENT, "time_ns": time_ns, "attributes": attributes}


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


FORMAT: Final = JsonFormat(
    name="X-Ray JSON",
    fits=is_xray,
    read=rows,
    sample=b'{"trace_id": "1-581cf771-a006649127e371903a2de979", "id": "70de5b6f19ff9a0a", "name": "shop",'
    b' "start_time": 1478293361.271, "end_time": 1478293361.449}',
)

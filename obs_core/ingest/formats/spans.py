"""Maps spans, log records, metric points and selected attributes to rows, once for all formats.

Each format reads its file into the neutral parts `Origin`, `Span`, `Record` and `MetricPoint`.
"""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from obs_core import semconv
from obs_core.ingest.formats.round_trip import CARRIED, carried
from obs_core.ingest.formats.rows import MOST_NS, as_json, for_hash, text_of
from obs_core.model import Row, Status
from obs_core.store.hashed_ids import hashed_id
from obs_core.text import clean, cleaned, json_text

_TYPES: Final = {bool: "bool", int: "int", float: "double", str: "string", list: "array", dict: "kvlist"}
_KINDS: Final = {kind: f'"span": {{"kind": {kind}}}' for kind in range(1, 6)}


class Origin(NamedTuple):
    """The sender: its process and group, and the rest of its resource and scope as members of a JSON object (`about`).

    Made once per batch, because all its spans share it. `identity` is a hash of the whole resource and scope.
    """

    process: str
    process_group: str
    scope: str
    about: str
    identity: str


class Span(NamedTuple):
    """One span: ids in lower-case hex, times in nanoseconds, `duration_ns` None without an end.

    An event is {"name", "time_ns", "attributes"}, a link {"trace_id", "span_id"} and perhaps "attributes"; `more` has
    the fields that few formats have.
    """

    trace_id: str
    span_id: str
    parent_span_id: str | None
    name: str
    start_ns: int
    duration_ns: int | None
    status: Status
    message: str
    attributes: dict[str, Any]
    events: Sequence[Mapping[str, Any]] = ()
    links: Sequence[Mapping[str, Any]] = ()
    more: Mapping[str, Any] = {}


class Record(NamedTuple):
    """One log record: its body (`kind` is the type of the body), time, severity, and the call it belongs to."""

    trace_id: str | None
    span_id: str | None
    name: str
    time_ns: int
    kind: str | None
    body: object
    severity: int
    severity_text: str
    attributes: dict[str, Any]


class MetricPoint(NamedTuple):
    """One point of a series; `number` None: no reading; `links` lead to the calls of its exemplars."""

    name: str
    attributes: dict[str, Any]
    time_ns: int
    number: float | str | None
    about: Mapping[str, Any]
    links: Sequence[Mapping[str, Any]] = ()


def origin(resource: Mapping[str, Any], scope: Mapping[str, Any]) -> Origin:
    """The sender, from the attributes of a resource and the name, version and attributes of a scope."""
    parts = {
        "scope": scope,
        "resource": {name: value for name, value in resource.items() if name not in semconv.SENDER},
    }
    about = as_json(parts)
    identity = for_hash([sorted(resource.items(), key=lambda pair: pair[0]), scope]).encode("utf-8", "replace")
    return Origin(
        clean(semconv.process(resource)),
        clean(semconv.process_group(resource)),
        clean(str(scope.get("name") or "")),
        about[1:-1] if about else "",
        hashlib.sha256(identity).hexdigest(),
    )


def rows(source: Origin, span: Span, values: Collection[str] = ()) -> Iterator[Row]:
    """The row of a span, and a value for each attribute named in `values`."""
    row = call(source, span)
    yield row
    for name in values:
        if name in span.attributes:
            yield _attribute_value(row, name, span.attributes[name])


def call(source: Origin, span: Span) -> Row:
    """The row of one span."""
    attributes = span.attributes
    columns = attributes.pop(CARRIED) if CARRIED in attributes else None
    exception = stack = None
    for event in span.events:
        if event["name"] == semconv.EXCEPTION_EVENT:
            exception, stack = semconv.exception(event["attributes"])
            break
    if not exception and span.status == "ERROR":
        exception = span.message
    duration = span.duration_ns
    if duration is not None and not -MOST_NS <= duration <= MOST_NS:
        duration = None
    row = Row(
        "call",
        source.process,
        clean(span.name),
        span.start_ns,
        source.process_group,
        None,
        None,
        span.status,
        cleaned(exception),
        span.trace_id,
        span.span_id,
        span.parent_span_id,
        cleaned(semconv.function_name(attributes)) if attributes else None,
        cleaned(stack),
        duration,
        None,
        None,
        None,
        _about(source, span),
    )
    return carried(row, columns) if columns else row


def log_record(source: Origin, record: Record) -> Row:
    """The row of one log record; trace and parent are its call, and its id is a hash of its content."""
    attributes = record.attributes
    columns = attributes.pop(CARRIED, None)
    exception, stack = semconv.exception(attributes)
    name = record.name or source.scope or "log"
    severity = {"severity": record.severity_text, "severity_number": record.severity}
    row = Row(
        kind="log",
        process=source.process,
        data=clean(name),
        timestamp=record.time_ns,
        process_group=source.process_group,
        data_type=record.kind,
        data_value=None if record.body is None else clean(text_of(record.body)),
        status="ERROR" if record.severity >= semconv.ERROR_SEVERITY else "UNSET",
        exception=cleaned(exception),
        exception_stack=cleaned(stack),
        trace_id=record.trace_id,
        span_id=hashed_id(source.identity, name, attributes, record.time_ns, record.body, record.span_id),
        parent_span_id=record.span_id,
        function=cleaned(semconv.function_name(attributes)),
        attributes=_joined(source, {"attributes": attributes, **severity}),
    )
    return carried(row, columns) if columns else row


def point(source: Origin, measured: MetricPoint) -> Row:
    """The value of one point of a metric; its variable is the metric's name with its attributes in order."""
    number = measured.number
    attributes = measured.attributes
    return Row(
        kind="value",
        process=source.process,
        data=clean(series(measured.name, attributes)),
        timestamp=measured.time_ns,
        process_group=source.process_group,
        data_type="int" if isinstance(number, int) else "double",
        data_value="" if number is None else clean(text_of(number)),
        span_id=hashed_id(source.identity, measured.name, attributes, measured.time_ns),
        attributes=_joined(source, {"attributes": attributes, "metric": measured.about, "links": measured.links}),
    )


def series(name: str, attributes: Mapping[str, Any]) -> str:
    """A metric's variable, such as `queue.size{host=a, shard=3}`: attributes sorted by name."""
    if not attributes:
        return name
    return f"{name}{{{', '.join(f'{key}={text_of(value)}' for key, value in sorted(attributes.items()))}}}"


def _attribute_value(call_row: Row, name: str, value: object) -> Row:
    return Row(
        kind="value",
        process=call_row.process,
        data=clean(name),
        timestamp=call_row.timestamp,
        process_group=call_row.process_group,
        data_type=_TYPES.get(type(value)),
        data_value="" if value is None else clean(text_of(value)),
        trace_id=call_row.trace_id,
        span_id=hashed_id(call_row.trace_id, call_row.span_id, "value", name),
        parent_span_id=call_row.span_id,
        function=call_row.function,
    )


def _about(source: Origin, span: Span) -> str | None:
    """The column attributes of a span; written in pieces, so that empty and shared parts cost nothing."""
    parts = []
    if span.attributes:
        parts.append('"attributes": ' + json_text(span.attributes))
    if span.events:
        parts.append('"events": ' + json_text(span.events))
    if span.links:
        parts.append('"links": ' + json_text(span.links))
    if source.about:
        parts.append(source.about)
    if span.more:
        parts.append(_more(span.more))
    return clean("{" + ", ".join(parts) + "}") if parts else None


def _more(more: Mapping[str, Any]) -> str:
    """The other fields of a span; most spans have only their kind."""
    kind = more.get("kind")
    if type(kind) is int and len(more) == 1 and kind in _KINDS:
        return _KINDS[kind]
    return '"span": ' + json_text(more)


def _joined(source: Origin, parts: Mapping[str, Any]) -> str | None:
    """The column attributes of a log record or a point."""
    own = as_json(parts)
    members = ", ".join(part for part in (own[1:-1] if own else "", source.about) if part)
    return "{" + members + "}" if members else None

"""OTLP in protobuf: a message becomes rows, and bytes become a message; the same rows as from OTLP in JSON.

Source: opentelemetry-proto 1.45, trace.proto, logs.proto, metrics.proto and collector/*. `TracesData`, `LogsData` and
`MetricsData` have the layout of the three requests, so that files of either are read.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import islice
from typing import Any, Final

from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as logs
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as traces

from obs_core.errors import FileRefused
from obs_core.ingest.formats import spans
from obs_core.ingest.formats.otlp_json import NO_RECORDED_VALUE, UNREADABLE, not_a_value
from obs_core.ingest.formats.protobuf.fields import (
    SPAN_ID,
    TRACE_ID,
    attributes_of,
    moment_of,
    number_of,
    record_of,
    scope_of,
    span_of,
)
from obs_core.ingest.formats.rows import Refused
from obs_core.ingest.formats.spans import MetricPoint, Origin
from obs_core.model import Row

REQUESTS: Final[dict[str, type[Message]]] = {
    "traces": traces.ExportTraceServiceRequest,
    "logs": logs.ExportLogsServiceRequest,
    "metrics": metrics.ExportMetricsServiceRequest,
}
"""What a client sends, by the signal that the address names (/v1/traces, …)."""

RESPONSES: Final[dict[str, type[Message]]] = {
    "traces": traces.ExportTraceServiceResponse,
    "logs": logs.ExportLogsServiceResponse,
    "metrics": metrics.ExportMetricsServiceResponse,
}
"""What it gets back."""

_REJECTED: Final = {
    "traces": "rejected_spans",
    "logs": "rejected_log_records",
    "metrics": "rejected_data_points",
}
_FIELDS: Final = {
    "traces": ("resource_spans", "scope_spans", "spans"),
    "logs": ("resource_logs", "scope_logs", "log_records"),
    "metrics": ("resource_metrics", "scope_metrics", "metrics"),
}
_LOOKED_AT: Final = 100  # parts of a message that are looked at to know what they are
_LEAVES: Final[dict[str, Callable[[Any], bool]]] = {
    "traces": lambda span: len(span.trace_id) == TRACE_ID and len(span.span_id) == SPAN_ID,
    "logs": lambda record: bool(record.time_unix_nano or record.observed_time_unix_nano),
    "metrics": lambda metric: bool(metric.name and metric.WhichOneof("data")),
}


def parse(signal: str, body: bytes) -> Message:
    """The request of this signal in `body`.

    Raises:
        FileRefused: it is no such message.
    """
    found: Message = REQUESTS[signal]()
    try:
        found.ParseFromString(body)
    except (DecodeError, UnicodeDecodeError) as error:
        raise FileRefused(
            f"The body is no OTLP {signal} message: {error}.", "Send it as the exporter made it."
        ) from error
    return found


def parse_any(body: bytes) -> Message:
    """The message in `body`, whichever signal it is of: all three are built alike, and differ in their innermost parts.

    Raises:
        FileRefused: it is of none.
    """
    for signal, is_one in _LEAVES.items():
        try:
            found: Any = parse(signal, body)
        except FileRefused:
            continue
        outer, inner, leaf = _FIELDS[signal]
        groups = (group for outermost in getattr(found, outer) for group in getattr(outermost, inner))
        leaves = list(islice((part for group in groups for part in getattr(group, leaf)), _LOOKED_AT))
        if any(is_one(part) for part in leaves) or (not leaves and not _is_foreign(found)):
            return found
    raise FileRefused("It is no OTLP message.", "Write what an OTLP exporter sends, or OTLP JSON.")


def _is_foreign(found: Any) -> bool:  # noqa: ANN401 - a message
    """Whether a message holds only what its definition does not know."""
    return not any(getattr(found, outer, ()) for outer, _, _ in _FIELDS.values())


def response(signal: str, rejected: int = 0, why: str = "") -> Message:
    """The response of this signal; without anything to say, `partial_success` is unset, as the specification asks."""
    found: Message = RESPONSES[signal]()
    if rejected or why:
        partial = found.partial_success
        setattr(partial, _REJECTED[signal], rejected)
        partial.error_message = why
    return found


def rows(found: Message, line: int = 1, values: Collection[str] = ()) -> Iterator[Row | Refused]:
    """The rows of one message, the `line`-th of its file; what can't be stored comes as `Refused`, one for each part.

    Attributes of spans that `values` names become values of their calls.
    """
    told: Any = found
    if hasattr(told, "resource_spans"):
        return _calls(told.resource_spans, line, values)
    if hasattr(told, "resource_logs"):
        return _logs(told.resource_logs)
    return _points(told.resource_metrics, line)


def _calls(groups: Iterable[Any], line: int, values: Collection[str]) -> Iterator[Row | Refused]:
    for source, raw in _parts(groups, *_FIELDS["traces"][1:]):
        span = span_of(raw)
        if span is None:
            yield Refused(line, f"a span without a usable id: {raw.trace_id.hex():.40}, {raw.span_id.hex():.40}")
        elif values:
            yield from spans.rows(source, span, values)
        else:
            yield spans.call(source, span)


def _logs(groups: Iterable[Any]) -> Iterator[Row]:
    for source, record in _parts(groups, *_FIELDS["logs"][1:]):
        yield spans.log_record(source, record_of(record))


def _points(groups: Iterable[Any], line: int) -> Iterator[Row | Refused]:
    for source, metric in _parts(groups, *_FIELDS["metrics"][1:]):
        yield from _metric(source, metric, line)


def _parts(groups: Iterable[Any], inner: str, leaf: str) -> Iterator[tuple[Origin, Any]]:
    """The spans, records or metrics of a message, each with who sent it."""
    for outer in groups:
        resource = attributes_of(outer.resource.attributes)
        for group in getattr(outer, inner):
            source = spans.origin(resource, scope_of(group.scope))
            for raw in getattr(group, leaf):
                yield source, raw


def _metric(source: Origin, metric: Any, line: int) -> Iterator[Row | Refused]:  # noqa: ANN401 - a Metric
    kind = metric.WhichOneof("data")
    if kind in ("gauge", "sum"):
        shape = getattr(metric, kind)
        about = {"kind": kind, "unit": metric.unit, "description": metric.description}
        if kind == "sum":
            about |= {"monotonic": shape.is_monotonic, "temporality": shape.aggregation_temporality}
        about = {name: value for name, value in about.items() if value}
        for raw in shape.data_points:
            number = None if raw.flags & NO_RECORDED_VALUE else number_of(raw)
            attributes = attributes_of(raw.attributes)
            yield spans.point(
                source, MetricPoint(metric.name, attributes, moment_of(raw.time_unix_nano), number, about)
            )
    elif kind:
        name = _camel(kind)
        for _ in getattr(metric, kind).data_points:
            yield Refused(line, not_a_value(metric.name, name))


def _camel(kind: str) -> str:
    return next((name for name in UNREADABLE if name.lower() == kind.replace("_", "")), kind)

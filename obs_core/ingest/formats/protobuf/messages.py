"""OTLP in protobuf: parses messages and reads their rows, which are the same as those of OTLP in JSON.

Source: opentelemetry-proto 1.45, trace.proto, logs.proto, metrics.proto and collector/*. `TracesData`, `LogsData` and
`MetricsData` have the layout of the three requests, so files with either are read.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from functools import cache
from itertools import islice
from typing import Any, Final

from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as logs
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as traces

from obs_core.ingest.formats import bounds, metric_points, spans
from obs_core.ingest.formats.metric_points import NO_RECORDED_VALUE, exemplars_of
from obs_core.ingest.formats.protobuf.fields import (
    SPAN_ID,
    TRACE_ID,
    attributes_of,
    number_of,
    record_of,
    scope_of,
    span_of,
)
from obs_core.ingest.formats.rows import MOST_NS, Refused, no_time
from obs_core.ingest.formats.spans import MetricPoint, Origin
from obs_core.model import Row

REQUESTS: Final[dict[str, type[Message]]] = {
    "traces": traces.ExportTraceServiceRequest,
    "logs": logs.ExportLogsServiceRequest,
    "metrics": metrics.ExportMetricsServiceRequest,
}
"""What a client sends, by the signal in the address (/v1/traces, …)."""

RESPONSES: Final[dict[str, type[Message]]] = {
    "traces": traces.ExportTraceServiceResponse,
    "logs": logs.ExportLogsServiceResponse,
    "metrics": metrics.ExportMetricsServiceResponse,
}
"""What the client gets back."""

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
_SAMPLE: Final = 100  # parts of a message that decide its signal
_LEAVES: Final[dict[str, Callable[[Any], bool]]] = {
    "traces": lambda span: len(span.trace_id) == TRACE_ID and len(span.span_id) == SPAN_ID,
    "logs": lambda record: bool(record.time_unix_nano or record.observed_time_unix_nano),
    "metrics": lambda metric: bool(metric.name and metric.WhichOneof("data")),
}


@cache
def submessages(signal: str) -> bounds.Known:
    """The submessages of the request of this signal, to count them before they are parsed."""
    return bounds.submessages(REQUESTS[signal].DESCRIPTOR)


def has_more_parts(body: bytes, most: int) -> bool:
    """Whether the message in `body` has more than `most` submessages, of whichever signal it is.

    Raises:
        ValueError: it is not protobuf.
    """
    return any(bounds.has_more_messages(body, submessages(signal), most) for signal in REQUESTS)


def parse(signal: str, body: bytes) -> Message:
    """The request of this signal in `body`.

    Raises:
        ValueError: it is not such a message.
    """
    message: Message = REQUESTS[signal]()
    try:
        message.ParseFromString(body)
    except (DecodeError, UnicodeDecodeError) as error:
        raise ValueError(str(error)) from error
    return message


def parse_any(body: bytes) -> Message:
    """The message in `body` of whichever signal: all three have the same layers and differ in the innermost.

    Raises:
        ValueError: it is not an OTLP message.
    """
    for signal, is_one in _LEAVES.items():
        try:
            message: Any = parse(signal, body)
        except ValueError:
            continue
        outer, inner, leaf = _FIELDS[signal]
        groups = (group for outermost in getattr(message, outer) for group in getattr(outermost, inner))
        leaves = list(islice((part for group in groups for part in getattr(group, leaf)), _SAMPLE))
        if any(is_one(part) for part in leaves) or (not leaves and not _is_foreign(message)):
            return message
    raise ValueError("it is not an OTLP message")


def _is_foreign(message: Any) -> bool:  # noqa: ANN401 - a message
    """Whether a message has only fields that its definition does not know."""
    return not any(getattr(message, outer, ()) for outer, _, _ in _FIELDS.values())


def response(signal: str, rejected: int = 0, why: str = "") -> Message:
    """The response of this signal; if all is well, `partial_success` is unset, as the specification asks."""
    message: Message = RESPONSES[signal]()
    if rejected or why:
        partial = message.partial_success
        setattr(partial, _REJECTED[signal], rejected)
        partial.error_message = why
    return message


def rows(message: Message, line: int = 1, values: Collection[str] = ()) -> Iterator[Row | Refused]:
    """The rows of one message, the `line`-th of its file; parts that can't be stored are `Refused`.

    Attributes of spans named in `values` become values of their calls.
    """
    request: Any = message
    if hasattr(request, "resource_spans"):
        return _calls(request.resource_spans, line, values)
    if hasattr(request, "resource_logs"):
        return _logs(request.resource_logs, line)
    return _points(request.resource_metrics, line)


def _calls(groups: Iterable[Any], line: int, values: Collection[str]) -> Iterator[Row | Refused]:
    for source, raw in _parts(groups, *_FIELDS["traces"][1:]):
        span = span_of(raw)
        if isinstance(span, str):
            yield Refused(line, span)
        elif values:
            yield from spans.rows(source, span, values)
        else:
            yield spans.call(source, span)


def _logs(groups: Iterable[Any], line: int) -> Iterator[Row | Refused]:
    for source, raw in _parts(groups, *_FIELDS["logs"][1:]):
        record = record_of(raw)
        yield Refused(line, record) if isinstance(record, str) else spans.log_record(source, record)


def _points(groups: Iterable[Any], line: int) -> Iterator[Row | Refused]:
    for source, metric in _parts(groups, *_FIELDS["metrics"][1:]):
        yield from _metric(source, metric, line)


def _parts(groups: Iterable[Any], inner: str, leaf: str) -> Iterator[tuple[Origin, Any]]:
    """The spans, records or metrics of a message, each with its origin."""
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
            time_ns = raw.time_unix_nano
            if not 0 < time_ns <= MOST_NS:
                yield Refused(line, no_time("point", metric.name, time_ns))
                continue
            attributes = attributes_of(raw.attributes)
            own, links = about, list[dict[str, Any]]()
            if raw.exemplars:
                exemplars, links = exemplars_of(json_format.MessageToDict(raw))
                own = {**about, "exemplars": exemplars}
            yield spans.point(source, MetricPoint(metric.name, attributes, time_ns, number, own, links))
    elif kind:  # few points have so many fields that reading them as JSON costs less code than time
        yield from metric_points.rows(source, json_format.MessageToDict(metric, use_integers_for_enums=True), line)

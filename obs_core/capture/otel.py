"""For programs with the OpenTelemetry SDK: an exporter into the log, and a processor that adds code locations.

    provider.add_span_processor(CodeProcessor())
    provider.add_span_processor(SimpleSpanProcessor(Exporter()))

The exporter needs no batch processor before it: a span is in the spool when `export` returns.
"""

import sys
from base64 import b64encode
from collections.abc import Mapping, Sequence
from types import FrameType
from typing import Any, Final

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Link, StatusCode

from obs_core import semconv
from obs_core.capture import writer
from obs_core.capture.calls.call import emit, handle_of
from obs_core.capture.spool.frames import NOT_MEASURED, CallSite
from obs_core.capture.values.exceptions import STACK_CAP, bounded
from obs_core.capture.values.limits import rules
from obs_core.capture.values.redact import cleared

_LOW: Final = (1 << 64) - 1
_HAS_REMOTE: Final = 0x100  # flags of OTLP: whether the parent is remote is known, and whether it is
_IS_REMOTE: Final = 0x200
_PLAIN: Final = (str, int, float, bool, type(None))
_OUTSIDE: Final = ("opentelemetry", "obs_core.capture", "contextlib", "functools")


class Exporter(SpanExporter):
    """Writes finished spans into this process's spool."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Write `spans`; if the spool is full, they are dropped and counted like any row."""
        for span in spans:
            _export(span)
        return SpanExportResult.SUCCESS

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Wait until all spans so far are in the log."""
        return writer.flush(timeout_millis / 1000)

    def shutdown(self) -> None:
        """Flush; later spans are still accepted."""
        writer.flush(writer.process.options.exit_s)


class CodeProcessor(SpanProcessor):
    """Fills `code.function.name`, `code.file.path` and `code.line.number` of the code that started the span."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002 - the SDK's signature
        """Use the first stack frame outside the SDK; attributes that the span has already are not changed."""
        given = span.attributes or {}
        frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - the only way to know the caller
        while frame is not None and frame.f_globals.get("__name__", "").startswith(_OUTSIDE):
            frame = frame.f_back
        if frame is None or semconv.FUNCTION in given:
            return
        code = frame.f_code
        module = frame.f_globals.get("__name__", "?")
        name = module if code.co_qualname == "<module>" else f"{module}.{code.co_qualname}"
        span.set_attributes({semconv.FUNCTION: name, semconv.FILE: code.co_filename, semconv.LINE: frame.f_lineno})


def _export(span: ReadableSpan) -> None:
    context = span.get_span_context()
    if context is None:
        return
    attributes = _clean(span.attributes or {})
    resource = span.resource.attributes if span.resource else {}
    # no line in the site: the attribute is the line that started the span, not the first line of the function
    site = CallSite("call", span.name, semconv.function_name(attributes), None, None)
    start_ns, end_ns = span.start_time or 0, span.end_time
    details: dict[str, Any] = {
        "result": False,
        "status": span.status.status_code.name,
        "attributes": attributes,
        "about": _about(span),
        "process": semconv.process(resource),
        "group": semconv.process_group(resource),
    }
    first = next((event for event in span.events if event.name == semconv.EXCEPTION_EVENT), None)
    if first is not None:
        message, stack = semconv.exception(first.attributes or {})
        details |= {"exception": bounded(message or ""), "stack": bounded(stack or "", STACK_CAP)}
    if span.status.description and not details.get("exception") and span.status.status_code is StatusCode.ERROR:
        details["exception"] = bounded(span.status.description)
    ids = (
        context.trace_id >> 64,
        context.trace_id & _LOW,
        context.span_id,
        span.parent.span_id if span.parent else 0,
    )
    emit(handle_of(site), ids, (start_ns, NOT_MEASURED if end_ns is None else end_ns - start_ns), None, details)


def _about(span: ReadableSpan) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if span.events:
        fields["events"] = [
            {
                "name": rules.redaction.scrubbed(event.name),
                "time_ns": event.timestamp,
                "attributes": _clean(event.attributes or {}),
            }
            for event in span.events
        ]
    if span.links:
        fields["links"] = [_link(link) for link in span.links]
    if span.instrumentation_scope:
        scope = span.instrumentation_scope
        fields["scope"] = {"name": scope.name, "version": scope.version, "attributes": _clean(scope.attributes or {})}
        fields["scope"] = {name: part for name, part in fields["scope"].items() if part}
    resource = span.resource.attributes if span.resource else {}
    fields["resource"] = _clean({name: value for name, value in resource.items() if name not in semconv.SENDER})
    fields["span"] = _more(span)
    return {name: part for name, part in fields.items() if part}


def _link(link: Link) -> dict[str, Any]:
    ids = {"trace_id": f"{link.context.trace_id:032x}", "span_id": f"{link.context.span_id:016x}"}
    return {**ids, "attributes": _clean(link.attributes)} if link.attributes else ids


def _more(span: ReadableSpan) -> dict[str, Any]:
    """The other fields of a span, by the names of OTLP's JSON."""
    context = span.get_span_context()
    more = {
        "kind": span.kind.value + 1,  # OTLP counts from 1
        "traceState": context.trace_state.to_header() if context and context.trace_state else None,
        "flags": _HAS_REMOTE | (_IS_REMOTE if span.parent and span.parent.is_remote else 0),
        "droppedAttributesCount": span.dropped_attributes,
        "droppedEventsCount": span.dropped_events,
        "droppedLinksCount": span.dropped_links,
    }
    return {name: value for name, value in more.items() if value}


def _clean(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes as plain data, with secrets redacted."""
    plain: dict[str, Any] = cleared({str(name): _plain(value) for name, value in attributes.items()}, rules.redaction)
    return plain


def _plain(value: Any) -> Any:  # noqa: ANN401 - an attribute's value
    if isinstance(value, str):
        return value if len(value) <= STACK_CAP else value[: STACK_CAP - 1] + "…"
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, bytes):
        return b64encode(value[:STACK_CAP]).decode()
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    return [_plain(item) for item in value] if isinstance(value, Sequence) else str(value)

"""For programs with the OpenTelemetry SDK: an exporter into the log, and a processor that adds code locations.

    provider.add_span_processor(CodeProcessor())
    provider.add_span_processor(SimpleSpanProcessor(Exporter()))

The exporter needs no batch processor before it: a span is in the spool when `export` returns.
"""

import sys
from collections.abc import Mapping, Sequence
from types import FrameType
from typing import Any, Final

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from obs_core import semconv
from obs_core.capture import writer
from obs_core.capture.calls.call import emit, handle_of
from obs_core.capture.spool.frames import NOT_MEASURED, CallSite
from obs_core.capture.values.exceptions import STACK_CAP, bounded
from obs_core.capture.values.limits import rules
from obs_core.capture.values.redact import cleared

_LOW: Final = (1 << 64) - 1
_SHOWN_BYTES: Final = 256
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
    for event in span.events:
        if event.name == semconv.EXCEPTION_EVENT:
            message, stack = semconv.exception(event.attributes or {})
            details |= {
                "exception": bounded(message or ""),
                "stack": bounded(stack or "", STACK_CAP),
            }
    if span.status.description and not details.get("exception"):
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
        fields["links"] = [
            {"trace_id": f"{link.context.trace_id:032x}", "span_id": f"{link.context.span_id:016x}"}
            for link in span.links
        ]
    if span.instrumentation_scope:
        fields["scope"] = {"name": span.instrumentation_scope.name, "version": span.instrumentation_scope.version}
    return fields


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
        return repr(value[:_SHOWN_BYTES])
    return [_plain(item) for item in value] if isinstance(value, Sequence) else str(value)

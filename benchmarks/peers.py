"""Other tracers and loggers, each as a function that records one call. A missing one raises ImportError.

They send nothing: their exporters and transports are replaced by no-ops.
"""

import json
import logging
import logging.handlers
import os
import queue
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

Record = Callable[[object], object]


def opentelemetry() -> Record:
    """A span of the SDK through a batch processor."""
    from opentelemetry.sdk.trace import ReadableSpan, TracerProvider  # noqa: PLC0415 - may be missing
    from opentelemetry.sdk.trace.export import (  # noqa: PLC0415
        BatchSpanProcessor,
        SpanExporter,
        SpanExportResult,
    )

    class Nowhere(SpanExporter):
        """An exporter that discards spans."""

        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            """Discard `spans`."""
            del spans
            return SpanExportResult.SUCCESS

    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(Nowhere()))
    tracer = provider.get_tracer("benchmark")

    def record(_: object) -> None:
        with tracer.start_as_current_span("call"):
            pass

    return record


def structlog_json() -> Record:
    """An event as JSON, written to the null device."""
    structlog: Any = import_module("structlog")

    log = structlog.wrap_logger(
        structlog.PrintLogger(Path(os.devnull).open("w")),  # noqa: SIM115 - for the whole run
        processors=[structlog.processors.TimeStamper(fmt="iso"), structlog.processors.JSONRenderer(json.dumps)],
    )
    return lambda value: log.msg("call", value=value)


def queue_handler() -> Record:
    """A log record through a QueueHandler, without the cost of its listener."""
    records: queue.SimpleQueue[Any] = queue.SimpleQueue()
    logger = logging.getLogger("benchmark")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(logging.handlers.QueueHandler(records))

    def record(value: object) -> None:
        logger.info("call %s", value)
        records.get_nowait()

    return record


def sentry() -> Record:
    """A span inside a transaction."""
    sentry_sdk: Any = import_module("sentry_sdk")
    transport: Any = import_module("sentry_sdk.transport")
    nowhere = type("Nowhere", (transport.Transport,), {"capture_envelope": lambda *_: None})
    sentry_sdk.init(dsn="http://key@127.0.0.1/1", traces_sample_rate=1.0, transport=nowhere, default_integrations=False)
    sentry_sdk.start_transaction(name="benchmark").__enter__()

    def record(_: object) -> None:
        with sentry_sdk.start_span(name="call"):
            pass

    return record


def logfire_span() -> Record:
    """A span of logfire that is not sent."""
    logfire: Any = import_module("logfire")

    logfire.configure(send_to_logfire=False, console=False, inspect_arguments=False)

    def record(value: object) -> None:
        with logfire.span("call", value=value):
            pass

    return record


PEERS: dict[str, Callable[[], Record]] = {
    "OpenTelemetry SDK, batch, no-op exporter": opentelemetry,
    "structlog JSON": structlog_json,
    "logging QueueHandler": queue_handler,
    "sentry-sdk span": sentry,
    "logfire span": logfire_span,
}

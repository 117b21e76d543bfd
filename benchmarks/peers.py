"""Other tracers and loggers, each as a function that records one call; making one raises ImportError if it is missing.

They send nothing: exporters and transports are replaced by ones that do nothing.
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
        """Takes spans and forgets them."""

        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            """Forget `spans`."""
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
    """An event as JSON into a file that keeps nothing."""
    structlog: Any = import_module("structlog")

    log = structlog.wrap_logger(
        structlog.PrintLogger(Path(os.devnull).open("w")),  # noqa: SIM115 - for the whole run
        processors=[structlog.processors.TimeStamper(fmt="iso"), structlog.processors.JSONRenderer(json.dumps)],
    )
    return lambda value: log.msg("call", value=value)


def queue_handler() -> Record:
    """A log record through a QueueHandler, without its listener's share."""
    found: queue.SimpleQueue[Any] = queue.SimpleQueue()
    logger = logging.getLogger("benchmark")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(logging.handlers.QueueHandler(found))

    def record(value: object) -> None:
        logger.info("call %s", value)
        found.get_nowait()

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
    """A span of logfire that is sent nowhere."""
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

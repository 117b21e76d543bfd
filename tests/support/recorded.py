"""The recorded traces and series (tests/data) in a log, or as rows."""

import csv
import json
from pathlib import Path

from obs_core.ingest.files import import_file
from obs_core.model import Row
from obs_core.store import log
from tests.support import data


def table(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file; its cells may contain line breaks."""
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def calls(set_name: str) -> list[Row]:
    """The spans of a set of traces."""
    return [_call(span) for span in table(data.trace_file(set_name, "spans.csv"))]


def imported(path: Path, files: list[Path]) -> None:
    """Import `files` into the log at `path`, as the import command does."""
    connection = log.open_log(path)
    for file in files:
        import_file(connection, file, now=0)
    connection.close()


def jaeger_calls(name: str) -> list[Row]:
    """The spans of a trace in the format of the Jaeger UI's own tests: times in microseconds."""
    trace = json.loads(data.trace_file("jaeger-ui", name).read_text("utf-8"))
    services = {key: process["serviceName"] for key, process in trace["processes"].items()}
    return [
        Row(
            "call",
            services[span["processID"]],
            span["operationName"],
            span["startTime"] * 1_000,
            services[span["processID"]],
            trace_id=trace["traceID"],
            span_id=span["spanID"],
            parent_span_id=next((ref["spanID"] for ref in span["references"]), None),
            duration_ns=span["duration"] * 1_000,
        )
        for span in trace["spans"]
    ]


def _call(span: dict[str, str]) -> Row:
    start, end = int(span["start_unix_nano"]), span["end_unix_nano"]
    return Row(
        "call",
        span["process"],
        span["operation"],
        start,
        span["process_group"] or None,
        status=span["status"],  # type: ignore[arg-type]
        exception=span["exception"] or None,
        trace_id=span["trace_id"],
        span_id=span["span_id"],
        parent_span_id=span["parent_id"] or None,
        duration_ns=int(end) - start if end else None,
    )

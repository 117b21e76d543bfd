"""The data model of the log: its seven canonical columns, and the records it holds (rows, source code, process runs).

This is the only list of the seven columns. A row is a call, a value or a log record; see `Row`.
"""

from typing import Final, Literal, NamedTuple

Kind = Literal["call", "value", "log"]
Status = Literal["OK", "ERROR", "UNSET"]

CANONICAL: Final = {
    "Process": "process",
    "Data": "data",
    "Data Type": "data_type",
    "Data Value": "data_value",
    "Timestamp": "timestamp",
    "Status": "status",
    "Exception": "exception",
}
"""The seven columns as people see them, and the log's column for each."""

ROW_CAP: Final = 10_000
"""The most rows that a page or a question shows; an answer with more is truncated and says so."""


class Row(NamedTuple):
    """One row of the log, without its id. Text is valid UTF-8 (or None), numbers fit 64 bits.

    `timestamp` is nanoseconds since 1970 UTC, `duration_ns` nanoseconds, `memory_delta` bytes; None where not measured.
    A value's `parent_span_id` is the call that recorded it. A value has a `span_id` of its own only if its source may
    send it again, so that the copy is recognized.
    `attributes` is JSON text: {"attributes": {…}, "events": […], "links": […], "scope": {…}}; each part is optional.
    `code_id` and `run_id` refer to the tables code and run.
    """

    kind: Kind
    process: str
    data: str
    timestamp: int
    process_group: str | None = None
    data_type: str | None = None
    data_value: str | None = None
    status: Status = "OK"
    exception: str | None = None
    trace_id: str | None = None
    span_id: str | None = None
    parent_span_id: str | None = None
    function: str | None = None
    exception_stack: str | None = None
    duration_ns: int | None = None
    memory_delta: int | None = None
    code_id: int | None = None
    run_id: int | None = None
    attributes: str | None = None


class Code(NamedTuple):
    """The source code of a function as it ran; `line` is its first line in `file`, `source_hash` the SHA-256 in hex."""

    function: str
    file: str | None
    line: int | None
    source: str | None
    source_hash: str
    revision: str | None
    first_seen: int


class ProcessRun(NamedTuple):
    """One process that wrote rows: its name, host, version and start (`started`: nanoseconds since 1970 UTC)."""

    process: str
    process_group: str | None
    pid: int
    host: str | None
    version: str | None
    revision: str | None
    started: int

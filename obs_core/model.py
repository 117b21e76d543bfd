"""The words of the log: the seven canonical columns, and what a row, a source and a run are.

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
"""The seven columns as people see them, and the log's column behind each."""

ROW_CAP: Final = 10_000
"""Rows that a page or a question shows at most; beyond it the answer says that it is truncated."""


class Row(NamedTuple):
    """One row of the log, without its id. Text is valid UTF-8 (or None), numbers fit 64 bits.

    `timestamp` is nanoseconds since 1970 UTC, `duration_ns` nanoseconds, `memory_delta` bytes; None where not measured.
    A value's `parent_span_id` is the call that recorded it; a value has no `span_id` of its own unless its source
    needs one to be recognised when it is sent again.
    `attributes` is JSON text: {"attributes": {…}, "events": […], "links": […], "scope": {…}}, each part optional.
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
    """The source of one function as it ran; `line` is its first line in `file`, `source_hash` the SHA-256 in hex."""

    function: str
    file: str | None
    line: int | None
    source: str | None
    source_hash: str
    revision: str | None
    first_seen: int


class ProcessRun(NamedTuple):
    """One process that wrote rows: who it was, where and since when (`started`: nanoseconds since 1970 UTC)."""

    process: str
    process_group: str | None
    pid: int
    host: str | None
    version: str | None
    revision: str | None
    started: int

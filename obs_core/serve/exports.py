"""Rows as files: all rows that match the Trace Explorer's filters as CSV, one trace as OTLP or Jaeger JSON.

The parameters are those of the page's own link. A CSV is streamed in pieces of 10,000 rows, each read in its own
transaction: memory stays flat, and no reader keeps the log's write-ahead log from being truncated. Unless the file is
short, a child process writes it (`export.csv_process` says why).
"""

import json
import os
import re
import subprocess
from collections.abc import Generator, Mapping
from contextlib import suppress
from dataclasses import asdict, astuple, dataclass
from datetime import UTC, datetime
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from obs_core import subprocesses
from obs_core.clock import SECOND, Window, now_ns
from obs_core.errors import BadParameter, LogMissing, ObsError, WorkerFailed
from obs_core.export import csv, jaeger, otlp
from obs_core.query import export
from obs_core.query.filters.row_filter import RowFilter
from obs_core.ui.explorer.filter_link import from_link
from obs_core.ui.shell import answers, controls

FORMATS: Final = {"otlp": ("otlp.jsonl", "application/jsonl"), "jaeger": ("jaeger.json", "application/json")}
_CHUNK_BYTES: Final = 1 << 18  # sent at once: as many as `csv.parts` has characters in a part
_NICENESS: Final = 10  # of the child process: users' clicks come first


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """The rows that a link asks for, and whether their cells are left as they are (`raw`)."""

    window: Window
    group: str | None
    row_filter: RowFilter
    raw: bool


def export_request(parameters: Mapping[str, str]) -> ExportRequest:
    """The request that the parameters of an export link describe.

    Raises:
        ObsError: a parameter has a value that it can't have, or the log can't be read.
    """
    return ExportRequest(
        _window(parameters.get("from", controls.DEFAULT_FROM), parameters.get("to", controls.DEFAULT_TO)),
        parameters.get("group") or None,
        from_link(parameters),
        parameters.get("raw") == "1",
    )


def rows_csv(request: Request) -> Response:
    """All matching rows of the window as CSV; `raw=1` leaves cells that look like formulas as they are."""
    try:
        asked = export_request(request.query_params)
        pieces = export.pieces(answers.engine(), asked.window, group=asked.group, row_filter=asked.row_filter)
        first = next(pieces, [])  # an error in the request or the log is reported before the file starts
        is_short = next(pieces, None) is None
        parts = csv.parts(first, raw=asked.raw) if is_short else _child_output(_child_process(asked))
    except ObsError as error:
        return _error_response(error)
    name = "_".join(("rows", *(_file_time(time_ns) for time_ns in astuple(asked.window)))) + ".csv"
    return StreamingResponse(parts, media_type="text/csv; charset=utf-8", headers=_attachment(name))


def trace_file(request: Request) -> Response:
    """One whole trace, in the format that the path names."""
    format_name, trace_id = request.path_params["form"], request.query_params.get("trace", "")
    if format_name not in FORMATS:
        error = f"There is no format {format_name[:60]}."
        return JSONResponse({"error": error, "hint": "Use otlp or jaeger."}, status_code=404)
    try:
        rows = export.trace(answers.engine(), trace_id)
    except ObsError as error:
        return _error_response(error)
    if not rows:
        return JSONResponse({"error": "The log has no trace with this id."}, status_code=404)
    parts = otlp.lines(rows) if format_name == "otlp" else jaeger.chunks(rows, held=len(rows))
    suffix, media_type = FORMATS[format_name]
    name = f"trace_{re.sub(r'[^0-9A-Za-z_-]', '_', trace_id)[:64]}.{suffix}"
    return Response("".join(parts), media_type=media_type, headers=_attachment(name))


def _window(start: str, end: str) -> Window:
    """The window that the link describes, never a corrected one: its file would have other rows than the link says.

    Raises:
        ObsError: the texts are not valid times, or the log can't be read.
    """
    window, notes = controls.window_of(start, end, now_ns(), answers.engine().extent())
    if notes:
        raise BadParameter(notes[0], "Copy the link from the page again.")
    return window


def _child_process(asked: ExportRequest) -> "subprocess.Popen[bytes]":
    """The child process that writes these rows.

    Raises:
        WorkerFailed: it can't be started.
    """
    request = json.dumps({"log": str(answers.engine().log), **asdict(asked), "window": astuple(asked.window)})
    try:
        child = subprocesses.start_process("obs_core.export.csv_process", request.encode())
    except OSError as error:
        raise WorkerFailed(f"The file can't be written: {error.strerror}.", "Try again in a minute.") from error
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, child.pid, _NICENESS)
    return child


def _child_output(child: "subprocess.Popen[bytes]") -> Generator[bytes]:
    """The child's output; closing the generator ends the child. If the child ends early, the last line reports it."""
    assert child.stdout is not None
    last = b""
    try:
        while part := child.stdout.read(_CHUNK_BYTES):
            last = part
            yield part
        if (code := child.wait()) != 0:
            line_end = b"" if last.endswith(b"\n") else b"\r\n"
            yield line_end + csv.cut(f"The writing process ended with code {code}. Download the file again.").encode()
    finally:
        child.stdout.close()
        child.kill()
        child.wait()


def _error_response(error: ObsError) -> Response:
    status = 400 if isinstance(error, BadParameter) else 404 if isinstance(error, LogMissing) else 503
    return JSONResponse({"error": error.message, "hint": error.hint}, status_code=status)


def _attachment(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}


def _file_time(time_ns: int) -> str:
    """A time as file names can have it."""
    try:
        return f"{datetime.fromtimestamp(time_ns // SECOND, UTC):%Y%m%dT%H%M%SZ}"
    except (ValueError, OverflowError, OSError):
        return str(time_ns)

"""Rows as files: all rows that match the Trace Explorer's filters, or one trace; `export.registry` has the formats.

The parameters are those of the page's own link. The rows are streamed in pieces of 10,000 rows, each read in its own
transaction: memory stays flat, and no reader keeps the log's write-ahead log from being truncated. Unless the file is
short, a child process writes it (`export.child_process` says why, `child_file` how it ends).
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass
from datetime import UTC, datetime
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from obs_core.clock import SECOND, Window, now_ns
from obs_core.errors import BadParameter, LogMissing, ObsError
from obs_core.export.export_format import ExportFormat, Options
from obs_core.export.registry import FORMATS, offered_for
from obs_core.query import export
from obs_core.query.filters.row_filter import RowFilter
from obs_core.serve.child_file import ChildFile
from obs_core.ui.explorer.filter_link import from_link
from obs_core.ui.shell import answers, controls
from obs_core.version import VERSION

_PART: Final = 1 << 20  # characters of a text that are sent at once


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """The rows that a link asks for, their format, and whether formulas are not escaped (`raw`)."""

    window: Window
    group: str | None
    row_filter: RowFilter
    raw: bool
    format: str = "csv"


def export_request(parameters: Mapping[str, str], format_name: str = "csv") -> ExportRequest:
    """The request that the parameters of an export link describe.

    Raises:
        ObsError: a parameter has a value that it can't have, or the log can't be read.
    """
    return ExportRequest(
        _window(parameters.get("from", controls.DEFAULT_FROM), parameters.get("to", controls.DEFAULT_TO)),
        parameters.get("group") or None,
        from_link(parameters),
        parameters.get("raw") == "1",
        format_name,
    )


def rows_file(request: Request) -> Response:
    """All matching rows of the window in the format that the path names; `raw=1` does not escape formulas."""
    export_format = _format(request, "rows")
    if export_format is None:
        return _no_format(request, "rows")
    try:
        asked = export_request(request.query_params, export_format.name)
        pieces = export.pieces(answers.engine(), asked.window, group=asked.group, row_filter=asked.row_filter)
        first = next(pieces, [])  # an error in the request or the log is reported before the file starts
        is_short = next(pieces, None) is None
    except ObsError as error:
        return _error_response(error)
    name = "_".join(("rows", *(_file_time(time_ns) for time_ns in astuple(asked.window)))) + f".{export_format.suffix}"
    if is_short:
        parts = export_format.parts(first, Options(raw=asked.raw))
        return StreamingResponse(parts, media_type=export_format.media_type, headers=_attachment(name))
    engine = answers.engine()  # the child knows a store, and its password, from the environment
    of = {"log": str(engine.log), "is_log": engine.is_log}
    child_request = {**of, **asdict(asked), "window": astuple(asked.window)}
    return ChildFile(child_request, export_format, _attachment(name))


def trace_file(request: Request) -> Response:
    """One whole trace, in the format that the path names."""
    export_format, trace_id = _format(request, "trace"), request.query_params.get("trace", "")
    if export_format is None:
        return _no_format(request, "trace")
    try:
        rows = export.trace(answers.engine(), trace_id)
    except ObsError as error:
        return _error_response(error)
    if not rows:
        return JSONResponse({"error": "The log has no trace with this id."}, status_code=404)
    content = b"".join(export_format.write(rows, Options(max_held=len(rows))))
    name = f"trace_{re.sub(r'[^0-9A-Za-z_-]', '_', trace_id)[:64]}.{export_format.suffix}"
    return Response(content, media_type=export_format.media_type, headers=_attachment(name))


def cell_file(request: Request) -> Response:
    """One long text of a row, whole, as a text file: `id` and `column` name it."""
    row_id, name = request.query_params.get("id", ""), request.query_params.get("column", "")
    try:
        if not re.fullmatch(r"-?[0-9]{1,18}", row_id, re.ASCII):
            raise BadParameter(f"“{row_id[:60]}” is not the id of a row.", "Copy the link from the page again.")
        text = export.cell(answers.engine(), int(row_id), name)
    except ObsError as error:
        return _error_response(error)
    if text is None:
        return JSONResponse({"error": "The log has no such text."}, status_code=404)
    parts = (text[at : at + _PART].encode("utf-8", "replace") for at in range(0, len(text), _PART))
    headers = _attachment(f"row_{row_id}_{name}.txt")
    return StreamingResponse(parts, media_type="text/plain; charset=utf-8", headers=headers)


def _format(request: Request, what: str) -> ExportFormat | None:
    known = FORMATS.get(request.path_params["format"])
    return known if known in offered_for(what) else None


def _no_format(request: Request, what: str) -> Response:
    error = f"“{request.path_params['format'][:60]}” is not an export format."
    names = " or ".join(known.name for known in offered_for(what))
    return JSONResponse({"error": error, "hint": f"Use {names}."}, status_code=404)


def _window(start: str, end: str) -> Window:
    """The window that the link describes, never a corrected one: its file would have other rows than the link says.

    Raises:
        ObsError: the texts are not valid times, or the log can't be read.
    """
    window, notes = controls.window_of(start, end, now_ns(), answers.log_extent())
    if notes:
        raise BadParameter(notes[0], "Copy the link from the page again.")
    return window


def _error_response(error: ObsError) -> Response:
    status = 400 if isinstance(error, BadParameter) else 404 if isinstance(error, LogMissing) else 503
    return JSONResponse({"error": error.message, "hint": error.hint}, status_code=status)


def _attachment(name: str) -> dict[str, str]:
    return {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
        "X-Obs-Core-Version": VERSION,
    }


def _file_time(time_ns: int) -> str:
    """A time as file names can have it."""
    try:
        return f"{datetime.fromtimestamp(time_ns // SECOND, UTC):%Y%m%dT%H%M%SZ}"
    except (ValueError, OverflowError, OSError):
        return str(time_ns)

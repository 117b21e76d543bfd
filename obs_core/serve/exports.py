"""Rows as files: everything that a page of the Trace Explorer is narrowed to as CSV, one trace as OTLP or Jaeger JSON.

The parameters are those of the page's own link. A CSV is streamed in pieces of 10,000 rows, each read in a transaction
of its own: memory stays flat, and no reader holds the log's write-ahead log back.
"""

import logging
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import chain
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from obs_core.clock import SECOND, Window, now_ns
from obs_core.errors import BadParameter, LogMissing, ObsError
from obs_core.export import csv, jaeger, otlp
from obs_core.query import export
from obs_core.ui import ask, controls
from obs_core.ui.row_filter import filter_of

FORMS: Final = {"otlp": ("otlp.jsonl", "application/jsonl"), "jaeger": ("jaeger.json", "application/json")}
_SENT: Final = 1 << 18  # characters that are sent at once; each part is a walk from thread to loop (64 kB: 0.7 s more)
_log = logging.getLogger(__name__)


def rows_csv(request: Request) -> Response:
    """All rows of the window that fit, as CSV; `raw=1` leaves cells that look like formulas as they are."""
    given = dict(request.query_params)
    try:
        window = _window(given.get("from", controls.USUAL_FROM), given.get("to", controls.USUAL_TO))
        wanted = filter_of(given).parameters
        pieces = export.pieces(ask.engine(), window, group=given.get("group") or None, **wanted)
        first = next(pieces, [])  # what is wrong with the question or the log is said before the file begins
    except ObsError as error:
        return _refusal(error)
    lines = csv.lines(chain(first, chain.from_iterable(pieces)), raw=given.get("raw") == "1")
    name = "_".join(("rows", *(_stamp(moment) for moment in (window.from_ns, window.to_ns)))) + ".csv"
    return StreamingResponse(_sent(lines), media_type="text/csv; charset=utf-8", headers=_attached(name))


def trace_file(request: Request) -> Response:
    """One whole trace, in the form that the path names."""
    form, trace_id = request.path_params["form"], request.query_params.get("trace", "")
    if form not in FORMS:
        return JSONResponse({"error": f"There is no form {form[:60]}.", "hint": "otlp or jaeger."}, status_code=404)
    try:
        rows = export.trace(ask.engine(), trace_id)
    except ObsError as error:
        return _refusal(error)
    if not rows:
        return JSONResponse({"error": "The log holds no trace with this id."}, status_code=404)
    parts = otlp.lines(rows) if form == "otlp" else jaeger.chunks(rows, held=len(rows))
    ending, kind = FORMS[form]
    name = f"trace_{re.sub(r'[^0-9A-Za-z_-]', '_', trace_id)[:64]}.{ending}"
    return Response("".join(parts), media_type=kind, headers=_attached(name))


def _window(start: str, end: str) -> Window:
    """The window that the link's words name; the export of another one would be a lie.

    Raises:
        ObsError: they can't be read; or the log can't.
    """
    window, notes = controls.window_of(start, end, now_ns(), ask.engine().extent())
    if notes:
        raise BadParameter(notes[0], "Copy the link from the page again.")
    return window


def _sent(lines: Iterable[str]) -> Iterator[bytes]:
    """The lines in larger parts. Where the log stops answering, the last line says so."""
    held: list[str] = []
    size = 0
    try:
        for line in lines:
            held.append(line)
            size += len(line)
            if size >= _SENT:
                yield "".join(held).encode()
                held, size = [], 0
    except ObsError as error:
        _log.warning("An export was cut: %s", error.message)
        held.append(f"ERROR: this file is not complete. {error.message} {error.hint}".replace(",", ";") + "\r\n")
    yield "".join(held).encode()


def _refusal(error: ObsError) -> Response:
    status = 400 if isinstance(error, BadParameter) else 404 if isinstance(error, LogMissing) else 503
    return JSONResponse({"error": error.message, "hint": error.hint}, status_code=status)


def _attached(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}


def _stamp(ns: int) -> str:
    """A moment as file names can have it."""
    try:
        return f"{datetime.fromtimestamp(ns // SECOND, UTC):%Y%m%dT%H%M%SZ}"
    except (ValueError, OverflowError, OSError):
        return str(ns)

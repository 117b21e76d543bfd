"""Rows as files: everything that a page of the Trace Explorer is narrowed to as CSV, one trace as OTLP or Jaeger JSON.

The parameters are those of the page's own link. A CSV is streamed in pieces of 10,000 rows, each read in a transaction
of its own: memory stays flat, and no reader holds the log's write-ahead log back. A program beside this one writes it,
unless it is short (`export.csv_process` says why).
"""

import json
import os
import re
import subprocess
from collections.abc import Generator
from contextlib import suppress
from dataclasses import astuple
from datetime import UTC, datetime
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from obs_core import subprocesses
from obs_core.clock import SECOND, Window, now_ns
from obs_core.errors import BadParameter, LogMissing, ObsError, WorkerFailed
from obs_core.export import csv, jaeger, otlp
from obs_core.query import export
from obs_core.ui.explorer.filter_link import filter_of
from obs_core.ui.shell import answers, controls

FORMS: Final = {"otlp": ("otlp.jsonl", "application/jsonl"), "jaeger": ("jaeger.json", "application/json")}
_SENT: Final = 1 << 18  # bytes that are sent at once, as many as `csv.parts` has characters in a part
_NICE: Final = 10  # of the program that writes: whoever clicks comes first


def rows_csv(request: Request) -> Response:
    """All rows of the window that fit, as CSV; `raw=1` leaves cells that look like formulas as they are."""
    given = dict(request.query_params)
    raw = given.get("raw") == "1"
    try:
        window = _window(given.get("from", controls.DEFAULT_FROM), given.get("to", controls.DEFAULT_TO))
        wanted = filter_of(given).parameters | {"group": given.get("group") or None}
        pieces = export.pieces(answers.engine(), window, **wanted)
        first = next(pieces, [])  # what is wrong with the question or the log is said before the file begins
        is_short = next(pieces, None) is None
        parts = csv.parts(first, raw=raw) if is_short else _beside(_started(window, wanted, raw=raw))
    except ObsError as error:
        return _refusal(error)
    name = "_".join(("rows", *(_stamp(moment) for moment in (window.from_ns, window.to_ns)))) + ".csv"
    return StreamingResponse(parts, media_type="text/csv; charset=utf-8", headers=_attached(name))


def trace_file(request: Request) -> Response:
    """One whole trace, in the form that the path names."""
    form, trace_id = request.path_params["form"], request.query_params.get("trace", "")
    if form not in FORMS:
        return JSONResponse({"error": f"There is no form {form[:60]}.", "hint": "otlp or jaeger."}, status_code=404)
    try:
        rows = export.trace(answers.engine(), trace_id)
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
    window, notes = controls.window_of(start, end, now_ns(), answers.engine().extent())
    if notes:
        raise BadParameter(notes[0], "Copy the link from the page again.")
    return window


def _started(window: Window, wanted: dict[str, Any], *, raw: bool) -> "subprocess.Popen[bytes]":
    """The program that writes these rows.

    Raises:
        WorkerFailed: it can't be started.
    """
    asked = {"log": str(answers.engine().log), "window": astuple(window), "wanted": wanted, "raw": raw}
    try:
        writer = subprocesses.start_process("obs_core.export.csv_process", json.dumps(asked).encode())
    except OSError as error:
        raise WorkerFailed(f"The file can't be written: {error.strerror}.", "Try again in a minute.") from error
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, writer.pid, _NICE)
    return writer


def _beside(writer: "subprocess.Popen[bytes]") -> Generator[bytes]:
    """What the program writes; it ends with whoever reads. If it ends too early, the last line says so."""
    assert writer.stdout is not None
    last = b""
    try:
        while part := writer.stdout.read(_SENT):
            last = part
            yield part
        if (code := writer.wait()) != 0:
            begun = b"" if last.endswith(b"\n") else b"\r\n"
            yield begun + csv.cut(f"What wrote it has ended with code {code}. Ask for it again.").encode()
    finally:
        writer.stdout.close()
        writer.kill()
        writer.wait()


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

"""A file that a child process writes: sent while it is written, ended with its reader, and few at a time.

A writing process takes 120 MB. One that continues without its reader, or many at once, would take the memory of the
programs that are traced.
"""

import json
import logging
import os
import subprocess
import threading
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Final

import anyio
from anyio import to_thread
from starlette.responses import JSONResponse, StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from obs_core import subprocesses
from obs_core.errors import WorkerFailed
from obs_core.export.export_format import ExportFormat

MOST: Final = 4  # files that are written at once
RETRY_S: Final = 10
_STALL_S: Final = 600  # a reader that takes nothing for so long has left
_CHUNK_BYTES: Final = 1 << 18  # sent at once: as many as a chunk of a text format has characters
_NICENESS: Final = 10  # of the child process: users' clicks come first
_slots: Final = threading.BoundedSemaphore(MOST)
_log: Final = logging.getLogger(__name__)


class ChildFile(StreamingResponse):
    """A response with the output of a child process as its body; 429 while `MOST` others are written."""

    def __init__(self, request: Mapping[str, Any], export_format: ExportFormat, headers: Mapping[str, str]) -> None:
        """The file in `export_format` for `request`, see `obs_core.export.child_process`."""
        self._request = json.dumps(request).encode()
        self._format = export_format
        super().__init__((), media_type=export_format.media_type, headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file; the child process ends with the response, in whatever way that ends."""
        if scope["method"] == "HEAD":
            await super().__call__(scope, receive, send)
        elif not _slots.acquire(blocking=False):
            await _busy()(scope, receive, send)
        else:
            try:
                await self._send(scope, receive, send)
            finally:
                _slots.release()

    async def _send(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            child = await to_thread.run_sync(start, self._request)
        except WorkerFailed as error:
            await JSONResponse({"error": error.message, "hint": error.hint}, 503)(scope, receive, send)
            return
        try:
            self.body_iterator = output(child, self._format)
            await super().__call__(scope, receive, partial(_send_in_time, send))
        except TimeoutError:
            _log.warning("An export was ended: its reader took nothing for %d s.", _STALL_S)
        finally:
            with anyio.CancelScope(shield=True):
                await to_thread.run_sync(end, child)


def start(request: bytes) -> "subprocess.Popen[bytes]":
    """Start the child process that writes the rows of `request`.

    Raises:
        WorkerFailed: it can't be started.
    """
    try:
        child = subprocesses.start_process("obs_core.export.child_process", request)
    except OSError as error:
        raise WorkerFailed(f"The file can't be written: {error.strerror}.", "Try again in a minute.") from error
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, child.pid, _NICENESS)
    return child


async def output(child: "subprocess.Popen[bytes]", export_format: ExportFormat) -> AsyncGenerator[bytes]:
    """The child's output.

    If the child ends early, the file ends with the cut notice of its format; without one the connection breaks.
    """
    assert child.stdout is not None
    last = b""
    while part := await to_thread.run_sync(child.stdout.read, _CHUNK_BYTES, abandon_on_cancel=True):
        last = part
        yield part
    if (code := await to_thread.run_sync(child.wait)) != 0:
        error = WorkerFailed(f"The writing process ended with code {code}.", "Download the file again.")
        if export_format.cut_notice is None:
            raise error
        line_end = b"" if last.endswith(b"\n") else b"\r\n"
        yield line_end + export_format.cut_notice(f"{error.message} {error.hint}")


def end(child: "subprocess.Popen[bytes]") -> None:
    """End the child process, if it has not ended."""
    child.kill()  # first: a thread may be reading its output
    child.wait()
    if child.stdout is not None:
        child.stdout.close()


def _busy() -> JSONResponse:
    error = f"{MOST} files are being written; more at once would slow down the programs on this machine."
    hint = f"Try again in {RETRY_S} s, or when one of the downloads is complete."
    return JSONResponse({"error": error, "hint": hint}, 429, {"Retry-After": str(RETRY_S), "Cache-Control": "no-store"})


async def _send_in_time(send: Send, message: Message) -> None:
    with anyio.fail_after(_STALL_S):
        await send(message)

"""What the server does before the first page and when it stops."""

import gc
import logging
import os
import socket
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import anyio.to_thread
import streamlit as st

from obs_core import charts
from obs_core.errors import ObsError, PermanentFailure
from obs_core.serve.access import listens_on
from obs_core.settings import Settings, from_environment
from obs_core.supervisor import supervisor
from obs_core.tokens import check_listening
from obs_core.ui.shell import answers

_log = logging.getLogger(__name__)
_DESCRIPTORS: Final = Path("/dev/fd")  # of this process, on Linux and macOS


@asynccontextmanager
async def lifespan(_: object) -> AsyncIterator[dict[str, Any] | None]:
    """Warm up before the first page, run the child processes, and stop them at the end."""
    check_address(listens_on(), from_environment())
    send_at_once(int(st.get_option("server.port")))
    await anyio.to_thread.run_sync(warm)
    children = supervisor.start(from_environment())
    try:
        yield None
    finally:
        await anyio.to_thread.run_sync(supervisor.stop, children)
        await anyio.to_thread.run_sync(answers.close)


def check_address(host: str, settings: Settings) -> None:
    """End the server, with a sentence, if other machines could connect to it and it would ask for no token."""
    try:
        warning = check_listening(host, settings.token, insecure=settings.insecure)
    except PermanentFailure as error:
        print(f"{error.message} {error.hint}", file=sys.stderr, flush=True)  # noqa: T201 - before any log is set up
        os._exit(error.exit_code)  # an exception here would be printed as a traceback of the web server
    if warning:
        print(warning, file=sys.stderr, flush=True)  # noqa: T201 - as above


def warm() -> None:
    """Load what the pages need (first page: 2.5 s without, 1.6 s with it), and open the log if there is one.

    A worker starts to read it too. What is loaded by then is frozen: the garbage collector no longer scans it (a trace
    of 20,000 calls is ready in 260 ms instead of 370).
    """
    charts.calls_and_errors()
    try:
        answers.log_extent()
        answers.prewarm()
    except ObsError as error:
        _log.info("%s", error)
    gc.collect()
    gc.freeze()


def send_at_once(port: int) -> None:
    """Set TCP_NODELAY on the socket that listens on `port`, where the system allows it.

    Streamlit's socket lacks it, and uvicorn writes head and body separately: with Nagle's algorithm and delayed
    acknowledgements each small response takes 44 ms instead of 1 ms. On Linux accepted sockets inherit the option.
    """
    for descriptor in open_descriptors():
        listening = None
        try:
            if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                continue
            listening = socket.socket(fileno=descriptor)
            if listening.type == socket.SOCK_STREAM and listening.getsockname()[1] == port:
                listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except (OSError, IndexError, TypeError):
            continue
        finally:
            if listening is not None:
                listening.detach()  # it belongs to the server


def open_descriptors() -> list[int]:
    """This process's open files; empty where the system does not list them."""
    try:
        return sorted(int(entry.name) for entry in _DESCRIPTORS.iterdir())
    except OSError:
        return []

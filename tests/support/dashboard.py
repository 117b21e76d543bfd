"""The dashboard as its users start it: a process of its own, on a free port, with a log of the test's."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[2]
START_S: Final = 90


class Dashboard(NamedTuple):
    """A running server: its port, and its process."""

    port: int
    process: "subprocess.Popen[bytes]"


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(
    log: Path, environment: Mapping[str, str] | None = None, *, most_descriptors: int = 0
) -> Iterator[Dashboard]:
    """A server on `log`, without receiver and watcher; with `most_descriptors`, it may open no more files than that."""
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.port", str(port)]
    if most_descriptors:
        command = ["/bin/sh", "-c", f'ulimit -n {most_descriptors}; exec "$@"', "sh", *command]
    settings = {**os.environ, "OBS_LOG": str(log), "OBS_OTLP": "off", "OBS_WATCH": "off", **(environment or {})}
    process = subprocess.Popen(command, cwd=ROOT, env=settings, stdout=subprocess.DEVNULL)
    try:
        _wait(f"http://127.0.0.1:{port}/_stcore/health", process)
        yield Dashboard(port, process)
    finally:
        process.terminate()
        process.wait(30)


def _wait(address: str, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(address, timeout=5):  # noqa: S310 - our own server's address
                return
        except OSError:
            assert process.poll() is None, f"the server ended with code {process.returncode}"
            time.sleep(0.1)
    raise AssertionError("the server did not start")

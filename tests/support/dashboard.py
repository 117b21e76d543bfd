"""The dashboard as its users start it: a process of its own, on a free port, with a log of the test's."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

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


def environment(log: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment with `log` and the settings in `more`, without receiver and watcher."""
    return {**os.environ, "OBS_LOG": str(log), "OBS_OTLP": "off", "OBS_WATCH": "off", **(more or {})}


@contextmanager
def running(
    log: Path,
    more: Mapping[str, str] | None = None,
    *,
    most_descriptors: int = 0,
    output: BinaryIO | int = subprocess.DEVNULL,
) -> Iterator[Dashboard]:
    """A server on `log`, without receiver and watcher; with `most_descriptors`, it may open no more files than that."""
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.port", str(port)]
    if most_descriptors:
        command = ["/bin/sh", "-c", f'ulimit -n {most_descriptors}; exec "$@"', "sh", *command]
    stderr = None if isinstance(output, int) else subprocess.STDOUT
    process = subprocess.Popen(command, cwd=ROOT, env=environment(log, more), stdout=output, stderr=stderr)
    try:
        _wait(f"http://127.0.0.1:{port}/healthz", process)
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
        except urllib.error.HTTPError:  # it answers: the log can't be read, which is the test's business
            return
        except OSError:
            assert process.poll() is None, f"the server ended with code {process.returncode}"
            time.sleep(0.1)
    raise AssertionError("the server did not start")

"""Keeps programs running beside the dashboard: starts them, starts them again, and ends them with itself.

A child's standard input is a pipe whose other end only this process holds: when this process ends, however it ends,
the system closes it, and the child ends. So there are no orphans, also after kill -9.
"""

import json
import logging
import os
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from obs_core import subprocesses
from obs_core.process_identity import birth_of
from obs_core.settings import Settings
from obs_core.supervisor import state, status_file

_END_S: Final = 12.0  # a receiver takes up to 8 s to answer and to write what is in its spool
_KILL_S: Final = 5.0
_log: Final = logging.getLogger(__name__)


class Program(NamedTuple):
    """A command of `python -m obs_core` that tells {"address": …} in its first line and ends with standard input."""

    name: str
    arguments: tuple[str, ...]
    is_on: bool


def programs(settings: Settings) -> list[Program]:
    """What runs beside the dashboard."""
    log = ("--log", str(settings.log.absolute()))
    return [
        Program("ingest", ("ingest", "--child", *log), settings.otlp),
        Program("watch", ("watch", "--child", *log), settings.watch),
    ]


class Supervisor:
    """One child and the thread that keeps it."""

    def __init__(self, program: Program, log: Path) -> None:
        """Nothing runs before `start`; what becomes of it is told beside `log`."""
        own = os.getpid()
        self.child = state.Child(program.name, "off", time.time_ns(), own, birth_of(own) or 0)
        self._program = program
        self._told_at = log
        self._process: subprocess.Popen[str] | None = None
        self._gate = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep, name=f"obs_core keeps {program.name}", daemon=True)

    def start(self) -> None:
        """Start it and keep it running, if it is switched on; return at once."""
        self._thread.start()

    def ask_to_stop(self) -> None:
        """Let it end; return at once."""
        with self._gate:
            self._stopping.set()
            if self._process is not None and self._process.stdin is not None:
                with suppress(OSError):
                    self._process.stdin.close()

    def stop(self) -> None:
        """End it, by force if it must be, and wait until it is gone."""
        self.ask_to_stop()
        self._thread.join(_END_S)
        if self._thread.is_alive() and self._process is not None:
            self._process.kill()
            self._thread.join(_KILL_S)
        self._tell(forget=True)

    def _keep(self) -> None:
        self._tell()
        while self._program.is_on and not self._stopping.is_set():
            try:
                code, last_line = self._run()
            except OSError as error:
                code, last_line = 1, f"it can't be started: {error}"
            if self._stopping.is_set():
                return
            self.child = state.ended(self.child, code, last_line, time.time_ns())
            self._tell()
            if self.child.state == "off":
                return
            self._stopping.wait(state.pause_s(self.child))

    def _run(self) -> tuple[int, str]:
        """Start it and follow it to its end; its exit code and the last line it said."""
        with self._gate:
            if self._stopping.is_set():
                return 0, ""
            self._process = process = subprocess.Popen(
                subprocesses.command("obs_core", *self._program.arguments),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=subprocesses.environment(),
                start_new_session=True,  # Ctrl-C in a terminal ends the dashboard, and that the child, in order
                text=True,
                encoding="utf-8",
                errors="replace",
            )
        with process:
            self.child = state.started(self.child, process.pid, time.time_ns())
            self._tell()
            last_line = self._follow(process)
        return process.returncode, last_line

    def _follow(self, process: "subprocess.Popen[str]") -> str:
        """Read what it says: its address first; all else is for the dashboard's output."""
        last_line = ""
        assert process.stdout is not None
        for line in process.stdout:
            address = _address(line)
            if address is not None:
                self.child = state.ready(self.child, address, time.time_ns())
                self._tell()
            elif line.strip():
                last_line = line.strip()
                _log.warning("%s: %s", self._program.name, last_line)
        return last_line

    def _tell(self, *, forget: bool = False) -> None:
        try:
            (status_file.forget if forget else status_file.tell)(self._told_at, self.child)
        except OSError as error:
            _log.warning("Can't say what became of %s: %s", self._program.name, error)


def start(settings: Settings) -> list[Supervisor]:
    """Start what runs beside the dashboard; return at once."""
    keepers = [Supervisor(program, settings.log.absolute()) for program in programs(settings)]
    for keeper in keepers:
        keeper.start()
    return keepers


def stop(keepers: list[Supervisor]) -> None:
    """End them all, side by side."""
    for keeper in keepers:
        keeper.ask_to_stop()
    for keeper in keepers:
        keeper.stop()


def _address(line: str) -> str | None:
    try:
        said = json.loads(line)
    except ValueError:
        return None
    return said.get("address") if isinstance(said, dict) else None

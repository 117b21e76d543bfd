"""Supervises the child processes of the dashboard: starts them, restarts them, and ends them with itself.

Each child's standard input is a pipe, and only this process holds the other end. When this process ends, even by
kill -9, the system closes the pipe and the child ends: there are no orphans.

A child sends a heartbeat on its standard output. If it stops for `OBS_HANG_S` seconds, the child is stopped, blocked or
in an endless loop: it is killed and started again like one that ended by itself.
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

from obs_core import heartbeat, subprocesses
from obs_core.process_identity import birth_of
from obs_core.settings import Settings
from obs_core.supervisor import output, state, status_file

_END_S: Final = 12.0  # a receiver takes up to 8 s to finish its requests and to drain its spool
_KILL_S: Final = 5.0
_START_FACTOR: Final = 20
_log: Final = logging.getLogger(__name__)


class Program(NamedTuple):
    """A command of `python -m obs_core` that prints {"address": …} when ready and ends with its standard input."""

    name: str
    arguments: tuple[str, ...]
    is_on: bool


def programs(settings: Settings) -> list[Program]:
    """The child processes of the dashboard."""
    log = ("--log", str(settings.log.absolute()))
    known = [
        Program("ingest", ("ingest", "--child", *log), settings.otlp),
        Program("watch", ("watch", "--child", *log), settings.watch),
    ]
    if settings.forward:
        known.append(Program("forward", ("forward", "--child", *log), is_on=True))
    return known


class Supervisor:
    """Supervises one child process, in a thread."""

    def __init__(self, program: Program, log: Path, hang_s: float = 30.0) -> None:
        """Supervise `program` after `start`; its status is in the status file of `log`.

        It is restarted if it sends no heartbeat for `hang_s` seconds; 0: never.
        """
        self._hang_s = hang_s
        self._beats = False
        dashboard = os.getpid()
        self.child = state.Child(program.name, "off", time.time_ns(), dashboard, birth_of(dashboard) or 0)
        self._program = program
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._supervise, name=f"obs_core supervises {program.name}", daemon=True)

    def start(self) -> None:
        """Start the child and keep it running, if it is enabled; return at once."""
        self._thread.start()

    def ask_to_stop(self) -> None:
        """Ask the child to end; return at once."""
        with self._lock:
            self._stopping.set()
            if self._process is not None and self._process.stdin is not None:
                with suppress(OSError):
                    self._process.stdin.close()

    def stop(self) -> None:
        """End the child, by force if necessary, and wait until it has ended."""
        self.ask_to_stop()
        self._thread.join(_END_S)
        if self._thread.is_alive() and self._process is not None:
            self._process.kill()
            self._thread.join(_KILL_S)
        self._write_status(remove=True)

    def _supervise(self) -> None:
        self._write_status()
        while self._program.is_on and not self._stopping.is_set():
            try:
                exit_code, last_line = self._run()
            except OSError as error:
                exit_code, last_line = 1, f"can't be started: {error}"
            if self._stopping.is_set():
                return
            self.child = state.ended(self.child, exit_code, last_line, time.time_ns())
            self._write_status()
            if self.child.state == "off":
                return
            self._stopping.wait(state.delay_s(self.child))

    def _run(self) -> tuple[int, str]:
        """Run the child to its end; return its exit code and its last line of output."""
        with self._lock:
            if self._stopping.is_set():
                return 0, ""
            self._process = process = subprocess.Popen(
                subprocesses.command("obs_core", *self._program.arguments),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=subprocesses.environment(),
                start_new_session=True,  # Ctrl-C ends the dashboard, which ends the child in order
            )
        with process:
            self.child = state.started(self.child, process.pid, time.time_ns())
            self._write_status()
            last_line = self._read_output(process)
        return process.returncode, last_line

    def _read_output(self, process: "subprocess.Popen[bytes]") -> str:
        """Read the child's output until it ends or hangs; return the last line, or that it hangs."""
        assert process.stdout is not None
        lines = output.Lines(process.stdout.fileno())
        last_line, self._beats = "", False
        while (line := lines.next(self._limit_s())) is not None:
            last_line = self._take_line(line) or last_line
        if lines.is_silent and not self._stopping.is_set():
            process.kill()
            last_line = f"It did not respond for {self._limit_s():g} s and was stopped."
            _log.warning("%s: %s", self._program.name, last_line)
        return last_line

    def _limit_s(self) -> float:
        """How long the child may be silent: much longer until its first beat, for example to migrate a log."""
        return self._hang_s if self._beats else _START_FACTOR * self._hang_s if self.child.state != "running" else 0

    def _take_line(self, line: str) -> str:
        """Take a line of output; return it if it is a message.

        A line with an address marks the child as ready; messages go to the dashboard's log.
        """
        address = _address(line)
        if heartbeat.is_beat(line):
            self._beats = True
            return ""
        if address is not None:
            self.child = state.ready(self.child, address, time.time_ns())
            self._write_status()
            return ""
        if line.strip():
            _log.warning("%s: %s", self._program.name, line.strip())
        return line.strip()

    def _write_status(self, *, remove: bool = False) -> None:
        try:
            (status_file.remove if remove else status_file.write)(self._log, self.child)
        except OSError as error:
            _log.warning("Can't write the status of %s: %s", self._program.name, error)


def start(settings: Settings) -> list[Supervisor]:
    """Start the child processes of the dashboard; return at once."""
    supervisors = [Supervisor(program, settings.log.absolute(), settings.hang_s) for program in programs(settings)]
    for supervisor in supervisors:
        supervisor.start()
    return supervisors


def stop(supervisors: list[Supervisor]) -> None:
    """End all child processes, at the same time."""
    for supervisor in supervisors:
        supervisor.ask_to_stop()
    for supervisor in supervisors:
        supervisor.stop()


def _address(line: str) -> str | None:
    """The address in a line of output, if it has one."""
    try:
        message = json.loads(line)
    except ValueError:
        return None
    return message.get("address") if isinstance(message, dict) else None

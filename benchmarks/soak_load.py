"""The load of the soak: traced programs that record numbers, and a sender of spans. Each knows what it was promised."""

import contextlib
import http.client
import os
import signal
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from obs_core.store import sqlite

BATCH: Final = 100
PROGRAM: Final = """
import mmap, os, struct, sys, time
from obs_core import configure, record, trace
log, shared, name = sys.argv[1:]
configure(log=log, process=name, group="soak")
with open(shared, "r+b") as file:
    page = mmap.mmap(file.fileno(), 8)
@trace
def step(number):
    record("soak.number", number)
    record("soak.stuck", 7)
    if number % 50 == 0:
        raise ValueError("every fiftieth")
number = 0
while os.getppid() != 1:
    number += 1
    try:
        step(number)
    except ValueError:
        pass
    page[:8] = struct.pack("<q", number)
    time.sleep(0.02)
"""


class Programs:
    """Traced programs; each start has a name of its own, and a page in which it notes the last number it recorded."""

    def __init__(self, log: Path, folder: Path, count: int) -> None:
        """Not started yet."""
        self._log, self._folder, self._count = log, folder, count
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._pages: dict[str, Path] = {}

    def start(self) -> None:
        """Start as many as there should be."""
        while len(self._running) < self._count:
            name = f"program-{len(self._pages)}"
            page = self._folder / f"{name}.page"
            page.write_bytes(bytes(8))
            command = [sys.executable, "-c", PROGRAM, str(self._log), str(page), name]
            self._running[name], self._pages[name] = subprocess.Popen(command), page

    def restart_ended(self) -> None:
        """Replace those that have ended."""
        self._running = {name: process for name, process in self._running.items() if process.poll() is None}
        self.start()

    def kill_one(self) -> None:
        """Kill -9 the oldest."""
        process = next(iter(self._running.values()))
        process.send_signal(signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        """End all of them in order."""
        for process in self._running.values():
            process.terminate()
        for process in self._running.values():
            process.wait(60)

    def promised(self) -> dict[str, int]:
        """The last number that each has noted: all up to it were recorded."""
        return {name: struct.unpack("<q", page.read_bytes())[0] for name, page in self._pages.items()}


class Sender:
    """Posts numbered spans at a rate; a batch is promised once the receiver has answered 200."""

    def __init__(self, port: int, rate: int) -> None:
        """Not started yet."""
        self.promised: list[range] = []
        self._port, self._pause_s = port, BATCH / rate
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send, daemon=True)

    def start(self) -> None:
        """Send until `stop`."""
        self._thread.start()

    def stop(self) -> None:
        """Send no more."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(60)

    def _send(self) -> None:
        first, due = 0, time.monotonic()
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            due = max(due + self._pause_s, time.monotonic() - 1)
            numbers = range(first, first + BATCH)
            if self._post(spans(numbers)):
                self.promised.append(numbers)
            first += BATCH

    def _post(self, body: bytes) -> bool:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
            with contextlib.closing(connection):
                connection.request("POST", "/v1/traces", body, {"Content-Type": "application/x-protobuf"})
                return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False


def spans(numbers: range) -> bytes:
    """A request with one span for each number, which is its id."""
    request, now = ExportTraceServiceRequest(), time.time_ns()
    resource = request.resource_spans.add()
    resource.resource.attributes.add(key="service.name").value.string_value = "soak-sender"
    scope = resource.scope_spans.add()
    for number in numbers:
        span = scope.spans.add(name="soak.span", start_time_unix_nano=now, end_time_unix_nano=now + 1_000)
        span.trace_id, span.span_id = os.urandom(16), struct.pack(">q", number + 1)
    return bytes(request.SerializeToString())


def missing(log: Path, numbers: dict[str, int], batches: list[range]) -> list[str]:
    """What was promised and is not in the log."""
    with contextlib.closing(sqlite.connect(log)) as connection:
        rows = connection.execute("SELECT process, data_value FROM data_trace WHERE data = 'soak.number'").fetchall()
        ids = {row[0] for row in connection.execute("SELECT span_id FROM data_trace WHERE data = 'soak.span'")}
    recorded: dict[str, set[int]] = {}
    for process, text in rows:
        recorded.setdefault(process, set()).add(int(text))
    lost = {name: set(range(1, last + 1)) - recorded.get(name, set()) for name, last in numbers.items()}
    gone = sum(f"{number + 1:016x}" not in ids for batch in batches for number in batch)
    print(f"numbers promised {sum(numbers.values()):,}, lost {sum(map(len, lost.values())):,}")
    print(f"spans promised {sum(map(len, batches)):,}, lost {gone:,}")
    problems = [f"{name}: {len(some)} of {numbers[name]} numbers are lost" for name, some in lost.items() if some]
    return [*problems, *([f"{gone} spans are lost"] if gone else [])]

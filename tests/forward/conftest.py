"""What the tests of forwarding share: real receivers as processes, and forwarders in this process or of their own."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from obs_core import settings
from obs_core.forward import forwarder
from obs_core.model import Row
from obs_core.store import sqlite

TIMEOUT_S = 60


class Collector(NamedTuple):
    """A receiver of this product: its address, and the log that it writes."""

    address: str
    log: Path

    def row_count(self) -> int:
        """How many rows its log has."""
        if not self.log.exists():
            return 0
        with closing(sqlite.connect(self.log)) as connection:
            return int(connection.execute("SELECT count(*) FROM data_trace").fetchone()[0])

    def wait_for(self, count: int) -> None:
        """Wait until its log has so many rows, as long as some arrive."""
        while (before := self.row_count()) < count:
            assert eventually(lambda known=before: self.row_count() > known), (before, count)  # type: ignore[misc] # a default


@contextmanager
def collector(log: Path, port: int = 0) -> Iterator[Collector]:
    """A receiver in a process of its own."""
    command = [sys.executable, "-m", "obs_core", "ingest", "--child", "--log", str(log), "--port", str(port)]
    process = subprocess.Popen([*command, "--grpc-port", "0"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with process:
        try:
            assert process.stdout
            yield Collector(json.loads(process.stdout.readline())["address"], log)
        finally:
            assert process.stdin
            process.stdin.close()
            process.wait(TIMEOUT_S)


class Forwarding:
    """A forwarder that runs in a thread of the test."""

    def __init__(self, log: Path, endpoint: str, environment: Mapping[str, str], *, once: bool = False) -> None:
        """It has not started."""
        self.said: list[str] = []
        self.error: BaseException | None = None
        self.stop = threading.Event()
        env = {"OBS_FORWARD": endpoint, "OBS_FORWARD_FROM": "start", "OBS_FORWARD_TIMEOUT_S": "2", **environment}
        self._settings, self._log, self._once = settings.from_environment(env), log, once
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            forwarder.forward(self._log, self._settings, self.stop, self.said.append, once=self._once)
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            self.error = error


@contextmanager
def forwarding(log: Path, endpoint: str, **environment: str) -> Iterator[Forwarding]:
    """A forwarder that runs while the block does."""
    running = Forwarding(log, endpoint, environment)
    running.thread.start()
    try:
        yield running
    finally:
        running.stop.set()
        running.thread.join(TIMEOUT_S)


def forwarded(log: Path, endpoint: str, **environment: str) -> Forwarding:
    """A forwarder that has sent all that is there, or ended with an error."""
    running = Forwarding(log, endpoint, environment, once=True)
    running.thread.start()
    running.thread.join(TIMEOUT_S)
    assert not running.thread.is_alive(), running.said
    return running


def eventually(is_so: Callable[[], bool]) -> bool:
    """Whether `is_so` becomes true."""
    end_s = time.monotonic() + TIMEOUT_S
    while time.monotonic() < end_s:
        if is_so():
            return True
        time.sleep(0.05)
    return False


def stored(log: Path, where: str = "1") -> list[Row]:
    """The rows of a log."""
    with closing(sqlite.connect(log)) as connection:
        columns = ", ".join(Row._fields)
        cells: list[tuple[Any, ...]] = connection.execute(
            f"SELECT {columns} FROM data_trace WHERE {where} ORDER BY id"
        ).fetchall()
        return [Row._make(row) for row in cells]


def calls(count: int, first: int = 0) -> list[Row]:
    """Calls with ids of their own, ten in a trace."""
    return [
        Row(
            "call", "shop-1", f"f{number % 7}", 1_767_225_600_000_000_000 + number, "shop", "int", str(number), "OK",
            trace_id=f"{number // 10 + 1:032x}", span_id=f"{number + 1:016x}", duration_ns=1_000, function="shop.f",
            attributes=json.dumps({"attributes": {"number": number}}),
        )
        for number in range(first, first + count)
    ]  # fmt: skip


def readings(count: int, first: int = 0) -> list[Row]:
    """Values without ids, many of them equal."""
    return [
        Row("value", "feed", "price", 1_767_225_600_000_000_000 + number // 3, "feed", "float", str(number % 5))
        for number in range(first, first + count)
    ]

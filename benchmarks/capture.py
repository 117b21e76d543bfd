"""The cost of tracing, compared with its lower bound and with other tracers.

`python -m benchmarks.capture [calls] [kinds] [templates] [rates] [latency] [start]`; without a name all parts run.
`python -m benchmarks.capture kills 200` kills 200 programs and drains at random times.
Missing peers are listed. To install all: `pip install structlog sentry-sdk logfire`, and tests/requirements.txt.
"""

import contextvars
import os
import random
import re
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import types
from collections import deque
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import obs_core
from benchmarks.call_kinds import kinds, templates
from benchmarks.peers import PEERS
from obs_core.capture import writer
from obs_core.capture.calls.outer_code import own_code
from obs_core.capture.drain import recovery
from obs_core.capture.spool.header import Header
from obs_core.model import Row
from obs_core.paths import folder_of
from obs_core.store import sqlite
from tests.capture.test_killed import drain, killed_after, numbers_in

BURST, ROUNDS, ROWS = 500, 41, 200_000
DICT: dict[str, object] = {"bid": 1.0832, "ask": 1.0834, "venue": "X"}
running: contextvars.ContextVar[tuple[int, int] | None] = contextvars.ContextVar("floor", default=None)
floor_rows: deque[tuple[int, int, int, object]] = deque(maxlen=100_000)


@obs_core.trace
def a_float() -> float:
    """A function that does nothing."""
    return 1.0832


@obs_core.trace
def a_dict() -> dict[str, object]:
    """The same with three keys."""
    return DICT


def floor(value: object) -> None:
    """The lower bound of any tracer in Python: parent, id, two clock reads, one append."""
    before, began, span = running.get(), time.time_ns(), random.getrandbits(64)
    token = running.set((began, span))
    clock = time.perf_counter_ns()
    running.reset(token)
    floor_rows.append((began, span, time.perf_counter_ns() - clock, before or value))


def per_call_ns(call: Callable[[], object]) -> float:
    """The time of one call in a burst."""
    began = time.perf_counter_ns()
    for _ in range(BURST):
        call()
    return (time.perf_counter_ns() - began) / BURST


def calls() -> None:
    """One traced call: medians over rounds that measure everything by turns."""
    contenders: dict[str, Callable[[object], object]] = {"floor": floor}
    for name, make in PEERS.items():
        try:
            contenders[name] = make()
        except ImportError as missing:
            print(f"  not installed: {name} ({missing.name})")
    values: dict[str, object] = {"float": 1.0832, "3-key dict": DICT}
    for shape, value in values.items():
        ours: Any = a_float if shape == "float" else a_dict
        untraced = types.FunctionType(own_code(ours.__code__), globals())
        times: dict[str, list[float]] = {}
        for _ in range(ROUNDS):
            times.setdefault("untraced", []).append(per_call_ns(untraced))
            times.setdefault("obs_core", []).append(per_call_ns(ours))
            obs_core.flush()
            for name, call in contenders.items():
                times.setdefault(name, []).append(per_call_ns(lambda call=call, value=value: call(value)))  # type: ignore[misc]
        medians = {name: median(values) for name, values in times.items()}
        added = medians["obs_core"] - medians["untraced"]
        print(f"  a call returning a {shape}: {added:,.0f} ns added")
        for name in contenders:
            print(f"    {name:<40}{medians[name]:>9,.0f} ns   obs_core is {added / medians[name]:.3f} of it")


def executemany_rate(rows: list[Row]) -> float:
    """Rows a second by `executemany` into a bare table, in transactions of the same size."""
    with tempfile.TemporaryDirectory() as folder:
        connection = sqlite3.connect(Path(folder) / "bare.db", isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"CREATE TABLE bare ({', '.join(Row._fields)})")
        marks = ", ".join("?" * len(Row._fields))
        began = time.perf_counter()
        for start in range(0, len(rows), 8192):
            connection.execute("BEGIN")
            connection.executemany(f"INSERT INTO bare VALUES ({marks})", rows[start : start + 8192])
            connection.execute("COMMIT")
        taken = time.perf_counter() - began
        connection.close()
    return len(rows) / taken


def rates() -> None:
    """Rows a second from the spool into the log: in an idle program, and next to a busy thread."""
    measured: dict[str, list[float]] = {"idle": [], "bare executemany": [], "busy": []}
    for _ in range(3):
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder) / "trace.db"
            obs_core.configure(log=log, flush_ms=60_000, spool_mb=64)
            for _ in range(ROWS):
                a_float()
            began = time.perf_counter()
            before = header().written
            assert obs_core.flush(120)
            measured["idle"].append((header().written - before) / (time.perf_counter() - began))
            connection = sqlite.connect(log)
            names = ", ".join(Row._fields)
            rows = [Row(*row) for row in connection.execute(f"SELECT {names} FROM data_trace LIMIT 100000")]
            connection.close()
            measured["bare executemany"].append(executemany_rate(rows))
            obs_core.configure(log=Path(folder) / "busy.db", flush_ms=10)
            for _ in range(ROWS // 2):
                a_float()
            began, before = time.perf_counter(), header().written
            while header().written < ROWS // 2:  # busy Python
                pass
            measured["busy"].append((ROWS // 2 - before) / (time.perf_counter() - began))
            obs_core.configure(log=Path(folder) / "end.db")
    medians = {name: median(values) for name, values in measured.items()}
    for name, rate in medians.items():
        print(f"  {name:<20}{rate:>10,.0f} rows/s")
    print(f"  idle is {medians['idle'] / medians['bare executemany']:.2f} of bare executemany")


def header() -> Header:
    """The status of this process's writer."""
    assert writer.process.writer
    return writer.process.writer.spool.header


def latency() -> None:
    """The duration of single calls: in an idle program, and next to a busy thread."""
    for busy in (False, True):
        stop = threading.Event()

        def compute(stop: threading.Event = stop) -> None:
            while not stop.is_set():
                sum(range(100))

        other = threading.Thread(target=compute)
        if busy:
            other.start()
        times = []
        for _ in range(20_000):
            began = time.perf_counter_ns()
            a_float()
            times.append(time.perf_counter_ns() - began)
            if not busy:
                time.sleep(0.0001)
        stop.set()
        if busy:
            other.join()
        times.sort()
        shown = ", ".join(
            f"p{100 * share:g} {times[int(share * len(times))] / 1e3:,.1f} us" for share in (0.5, 0.99, 0.999)
        )
        print(f"  {'next to a busy thread' if busy else 'idle program'}: {shown}")


def start() -> None:
    """The cost of `import obs_core`, with and without the modules of the standard library it loads."""
    own, whole = [], []
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": cache}
        command = [
            sys.executable,
            "-X",
            "importtime",
            "-S",
            "-c",
            "import sys; sys.path.insert(0, '.'); import obs_core",
        ]
        for _ in range(16):
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
            lines = re.findall(r"import time:\s+(\d+) \|\s+(\d+) \| (\s*)(\S+)", done.stderr)
            own.append(sum(int(self_us) for self_us, _, _, name in lines if name.startswith("obs_core")) / 1e3)
            whole.append(next(int(all_us) for _, all_us, _, name in lines if name == "obs_core") / 1e3)
    print(f"  import obs_core: {median(whole[1:]):.1f} ms; its own modules: {median(own[1:]):.1f} ms")


def kills(count: int) -> None:
    """Kill programs and drains at random times: each call that had returned must be in the log, once."""
    chance = random.Random(42)  # noqa: S311 - not security
    lost = twice = returned_in_all = 0
    for number in range(count):
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder) / "trace.db"
            name = ("count", "count", "forks")[number % 3]
            returned = killed_after(name, log, chance.uniform(0, 0.4))
            if number % 2:
                drain_process = drain(log)
                time.sleep(chance.uniform(0.1, 0.4))
                drain_process.kill()
                drain_process.wait()
            deadline = time.monotonic() + 10
            while list(Path(folder_of(str(log))).glob("*.spool")) and time.monotonic() < deadline:
                recovery.recover(folder_of(str(log)), log)
            stored = numbers_in(log)  # which also asserts integrity_check
            lost += len(set(returned) - set(stored))
            twice += len(stored) - len(set(stored))
            returned_in_all += len(returned)
    print(f"  {count} kills, {returned_in_all:,} calls had returned: {lost} lost, {twice} doubled, every log is intact")


def main(parts: list[str]) -> None:
    """Run the named parts."""
    if parts[:1] == ["kills"]:
        kills(int(parts[1]))
        return
    with tempfile.TemporaryDirectory() as folder:
        obs_core.configure(log=Path(folder) / "trace.db", process="benchmark")
        for part in (calls, kinds, templates, rates, latency, start):
            if not parts or part.__name__ in parts:
                print(part.__doc__)
                part()
        obs_core.configure(drain=False)


if __name__ == "__main__":
    main(sys.argv[1:])

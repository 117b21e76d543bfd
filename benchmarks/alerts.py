"""Cost of rule evaluation: `python -m benchmarks.alerts [ROWS …]` (default: 100000 1000000; 10000000 takes minutes).

1,000 rules of eight kinds over 10,000 series; four of five rows are readings, one is a call. One log grows from size to
size. At each size the watcher process catches up (its progress is printed), is stopped, and is started again with one
more row. Then this process evaluates 5,000 new rows per tick, and reads the same rows through a bare cursor for
comparison. At the smallest size another process writes 5,000 rows/s while the watcher runs, to measure how long after
its commit a reading's state change is in the ledger.
"""

import gc
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple

from obs_core.alerts import ledger
from obs_core.alerts.rules import sources
from obs_core.clock import SECOND
from obs_core.model import Row
from obs_core.store import log, sqlite
from obs_core.watch.follower import Follower

RULES, PROCESSES, NAMES = 1_000, 100, 100
NEW, TICKS, WRITE_S, BATCH = 5_000, 25, 30, 250  # series are saved once in ten ticks
STEP_NS = 86_400 * SECOND // 1_000_000  # a million old rows are a day
OF_KINDS = (
    'kind = "stale"\ndata = "x{n}"\ncritical = 50\ntolerance = {near}\nmissing = "{missing}"',
    'kind = "silent"\ndata = "x{n}"\nafter = "2h"',
    'kind = "value"\ndata = "x{n}"\nabove = 1e6\nno_data = "alert"\nno_data_after = "2h"',
    'kind = "error_rate"\nprocess = "p{n}"\nabove = 0.5',
    'kind = "latency"\nprocess = "p{n}"\nabove = 500',
    'kind = "throughput"\nprocess = "p{n}"\nbelow = 0\nchanged_percent = 1000',
    'kind = "new_exception"\nprocess = "p{n}"',
    'kind = "writer"\nprocess = "p{n}"',
)
GROW = f"""
INSERT INTO data_trace (kind, trace_id, span_id, process, function, data, data_type, data_value, timestamp, status,
    exception, duration_ns)
WITH RECURSIVE numbers(n) AS (SELECT :first UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < :first + :count),
    facts AS (SELECT n, n % 5 = 0 AS is_call, CASE n % 5 WHEN 0 THEN n / 5 ELSE n - n / 5 - 1 END AS place FROM numbers)
SELECT iif(is_call, 'call', 'value'), iif(is_call, printf('%032x', n), NULL), iif(is_call, printf('%016x', n), NULL),
    'p' || (place % {PROCESSES}), iif(is_call, 'work.f' || (place % 1000), NULL),
    iif(is_call, 'f' || (place % 1000), 'x' || (place / {PROCESSES} % {NAMES})), 'float',
    (place / {PROCESSES * NAMES} / 3 + place % 100 % 7) * 1.5, :from_ns + (n - :first) * :step_ns,
    iif(is_call AND place % 150 = 0, 'ERROR', 'OK'), iif(is_call AND place % 150 = 0, 'ValueError: odd', NULL),
    iif(is_call, 1000000 + place % 977 * 10000, NULL)
FROM facts"""


def grown(path: Path, count: int, from_ns: int, step_ns: int = STEP_NS) -> None:
    """Append `count` rows to the log at `path`."""
    with closing(log.open_log(path, synchronous="OFF")) as connection, sqlite.transaction(connection):
        first = connection.execute("SELECT coalesce(max(id), 0) + 1 FROM data_trace").fetchone()[0]
        connection.execute(GROW, {"first": first, "count": count, "from_ns": from_ns, "step_ns": step_ns})


def rules(path: Path) -> None:
    """A thousand rules, the same number of each kind, and one that fires for each reading called `marker`."""
    lines = [
        f'[[rule]]\nname = "r{number}"\n'
        + OF_KINDS[number % len(OF_KINDS)].format(
            n=number // len(OF_KINDS) % NAMES,
            near=number % 3 / 2,
            missing=("value", "skip", "break")[number // len(OF_KINDS) % 3],
        )
        for number in range(RULES - 1)
    ]
    lines.append('[[rule]]\nname = "seen"\nkind = "value"\ndata = "marker"\nabove = 0')
    (path.parent / sources.NAME).write_text("\n".join(lines))


@contextmanager
def watching(path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Run the watcher process on the log at `path`."""
    command = [sys.executable, "-m", "obs_core", "watch", "--log", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        yield program
        program.terminate()
        lines = (program.stdout or ()) and [line.strip() for line in program.stdout or ()]
    progress = [line for line in lines if "rows (" in line]
    for line in (progress[0], progress[-1]) if len(progress) > 1 else progress:
        print(f"{'':>12}progress: {line}")


class Spent(NamedTuple):
    """Cost of a process: wall time and CPU time in seconds, and peak memory in MB."""

    wall_s: float
    core_s: float
    memory_mb: float

    def __str__(self) -> str:
        """As it is printed."""
        return f"{self.wall_s:.1f} s ({self.core_s:.1f} of a core), {self.memory_mb:.0f} MB"


def caught_up(path: Path, watcher: "subprocess.Popen[str]") -> Spent:
    """Return the cost up to the time at which all rules are evaluated over the whole log."""
    start = time.perf_counter()
    with closing(sqlite.connect(path)) as source, closing(ledger.open_ledger(path)) as connection:
        newest = source.execute("SELECT max(id) FROM data_trace").fetchone()[0]
        while connection.execute("SELECT count(*) FROM evaluated WHERE up_to_id = ?", (newest,)).fetchone()[0] < RULES:
            if watcher.poll() is not None:
                sys.exit("the watcher has stopped")
            time.sleep(0.02)
    took = time.perf_counter() - start
    home = Path(f"/proc/{watcher.pid}")
    memory_kb = int((home / "status").read_text().split("VmHWM:")[1].split()[0])
    user, system = (home / "stat").read_text().rsplit(")", 1)[1].split()[11:13]
    return Spent(took, (int(user) + int(system)) / os.sysconf("SC_CLK_TCK"), memory_kb / 1024)


def program(path: Path, more: int, whole: int) -> None:
    """Print the cost for the watcher process to catch up with `more` rows, and to start again."""
    with watching(path) as watcher:
        spent = caught_up(path, watcher)
    print(f"{whole:>12,} old rows: {more:,} evaluated in {spent}; {spent.core_s / more * 1e6:.1f} us per row")
    grown(path, 1, time.time_ns() - STEP_NS)
    with watching(path) as watcher:
        print(f"{'':>12}started again, one more row evaluated after {caught_up(path, watcher)}")


def ticks(path: Path) -> float:
    """Return the CPU seconds of a tick (median), on a copy of the log; print it with the bare cursor for comparison."""
    ticks_s, cores, saves, floors = [], [], [], []
    with closing(Follower(path)) as follows:
        follows.tick(time.time_ns())
        gc.freeze()  # as the program does
        time_ns = time.time_ns() - TICKS * SECOND
        for _ in range(TICKS):
            begun = follows.at_id
            grown(path, NEW, time_ns, SECOND // NEW)
            time_ns += SECOND
            start, core = time.perf_counter(), time.process_time()
            follows.tick(time_ns)
            cores.append(time.process_time() - core)
            ticks_s.append(time.perf_counter() - start)
            start = time.perf_counter()
            follows.save(rows_arrived=True)
            saves.append(time.perf_counter() - start)
            start = time.perf_counter()
            with closing(sqlite.connect(path)) as bare:
                bare.execute("SELECT * FROM data_trace WHERE id > ? ORDER BY id", (begun,)).fetchall()
            floors.append(time.perf_counter() - start)
    gc.unfreeze()
    tick, longest = median(ticks_s) * 1e3, max(ticks_s) * 1e3
    print(
        f"{'':>12}a tick of {NEW:,} rows {tick:.0f} ms ({median(cores) * 1e3:.0f} of a core), longest {longest:.0f} ms;"
    )
    floor, saved = median(floors) * 1e3, max(saves) * 1e3
    print(f"{'':>12}the rows through a bare cursor {floor:.0f} ms; saving after a tenth of them {saved:.0f} ms")
    return median(cores)


def write(path: Path) -> None:
    """Write 5,000 rows/s, with a reading that fires each second; print its timestamp and the time of its commit."""
    batches = NEW // BATCH
    start = time.time_ns()
    with closing(log.open_log(path)) as connection:
        for number in range(WRITE_S * batches):
            time.sleep(max(0.0, (start + number * SECOND // batches - time.time_ns()) / SECOND))
            now = time.time_ns()
            with sqlite.transaction(connection):
                first = connection.execute("SELECT max(id) + 1 FROM data_trace").fetchone()[0]
                connection.execute(GROW, {"first": first, "count": BATCH, "from_ns": now, "step_ns": 1000})
                if number % (batches + 1) == 0:  # at another phase of the watcher's half second each time
                    marker = Row("value", f"m{number}", "marker", now, data_type="int", data_value="1")
                    log.append(connection, [marker])
            if number % (batches + 1) == 0:
                print(now, time.time_ns(), flush=True)
    print(f"{WRITE_S * NEW / ((time.time_ns() - start) / SECOND):.0f}")


def seen(path: Path) -> None:
    """Print how long after its commit a reading's state change is in the ledger, at 5,000 rows/s."""
    with watching(path) as watcher, closing(ledger.open_ledger(path)) as connection:
        caught_up(path, watcher)
        after = connection.execute("SELECT coalesce(max(id), 0) FROM transition").fetchone()[0]
        writer = subprocess.Popen([sys.executable, "-m", "benchmarks.alerts", "write", str(path)], stdout=-1, text=True)
        with writer:
            there: dict[int, int] = {}
            ended = None
            while ended is None or time.monotonic() < ended:
                for id_, transition in ledger.transitions(connection, rule="seen", after=after):
                    after, there[transition.timestamp_ns] = id_, time.time_ns()
                if ended is None and writer.poll() is not None:
                    ended = time.monotonic() + 30  # at most: on a busy machine the last state change takes a while
                if ended is not None and len(there) > WRITE_S * NEW // BATCH // (NEW // BATCH + 1):
                    break
                time.sleep(0.005)
            *lines, rate = (writer.stdout.read() if writer.stdout else "").split("\n")[:-1]
    waits = [(there[int(line.split()[0])] - int(line.split()[1])) / SECOND for line in lines]
    print(f"{'':>12}{rate} rows/s from another process: {len(waits)} state changes in the ledger, after their commit ")
    print(f"{'':>12}median {median(waits):.2f} s, longest {max(waits):.2f} s (the watcher ticks each 0.5 s)")


def main(arguments: list[str]) -> None:
    """Print the results."""
    if arguments[:1] == ["write"]:
        write(Path(arguments[1]))
        return
    sizes = sorted(int(size) for size in arguments) or [100_000, 1_000_000]
    tick_s: dict[int, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "old" / "trace.db"
        path.parent.mkdir()
        rules(path)
        before, begun = 0, time.time_ns() - sizes[-1] * STEP_NS - 2 * TICKS * SECOND
        for size in sizes:
            grown(path, size - before, begun + before * STEP_NS)
            program(path, size - before, size)
            now = path
            if size < sizes[-1]:  # the log of the next size continues from here
                now = Path(folder) / str(size) / "trace.db"
                shutil.copytree(path.parent, now.parent)
            tick_s[size] = ticks(now)
            if size == sizes[0]:
                seen(now)
            before = size
    if len(sizes) > 1:
        exponent = math.log(tick_s[sizes[-1]] / tick_s[sizes[0]]) / math.log(sizes[-1] / sizes[0])
        print(f"growth exponent of a tick over old rows: {exponent:.2f}")


if __name__ == "__main__":
    main(sys.argv[1:])

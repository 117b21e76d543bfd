"""What sealing, day close and retention of a log cost: `python -m benchmarks.storage LOG`.

It works on a copy next to LOG, which needs as much space again. Sealing: rows per second of processor time, peak
memory and bytes per row; day close is a second sealer, on days that are in several pieces. Retention: how long a writer
that stores a row every few milliseconds waits while rows are deleted, compared with before.
"""

import os
import shutil
import subprocess
import sys
import threading
import time
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from obs_core import subprocesses
from obs_core.archive import deletion
from obs_core.archive.limits import Limits
from obs_core.archive.manifest import Manifest, folder_of
from obs_core.archive.sealed_log import SealedLog
from obs_core.archive.sealing import Sealing
from obs_core.store import sqlite

WRITE_S = 10.0
PAUSE_S = 0.005


class Cost(NamedTuple):
    """Processor time in seconds and peak memory in MB of a process."""

    cpu_s: float
    memory_mb: float


def run(*arguments: str) -> Cost:
    """The cost of a child process."""
    child = subprocess.Popen(
        subprocesses.command(*arguments), stdout=subprocess.DEVNULL, env=subprocesses.environment(OBS_DISABLED="1")
    )
    _, code, used = os.wait4(child.pid, 0)
    assert code == 0
    return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def seal(log: Path) -> None:
    """Seal the log, then close its days in a process of their own, and print what both cost."""
    if os.fork() == 0:  # no day is over at the time 0: this process seals all and closes none
        source = SealedLog(log, memory_mb=280)
        sealing = Sealing(source, folder_of(log), Limits(), 0)
        rows = sum(step.rows for step in sealing.steps(everything=True))
        spent = os.times()
        print(f"sealing     {rows / (spent.user + spent.system):10,.0f} rows per CPU-s", flush=True)
        os._exit(0)
    _, _, used = os.wait4(-1, 0)
    print(f"            {used.ru_maxrss / 1024:10,.0f} MB at most", flush=True)
    with Manifest(folder_of(log)) as manifest:
        before = len(manifest.pieces("rows"))
    cost = run("obs_core.archive.sealer", str(log))
    with Manifest(folder_of(log)) as manifest:
        pieces = manifest.pieces()
    rows, size = sum(one.rows for one in pieces if one.what == "rows"), sum(one.bytes for one in pieces)
    after = sum(one.what == "rows" for one in pieces)
    print(f"day close   {cost.cpu_s:10.1f} CPU-s, {cost.memory_mb:.0f} MB at most, {before} pieces become {after}")
    parts = {what: sum(one.bytes for one in pieces if one.what == what) / rows for what in {one.what for one in pieces}}
    print(f"archive     {size / rows:10.1f} bytes per row:", *(f"{what} {part:.1f}" for what, part in parts.items()))


def waits(log: Path, stop: threading.Event) -> list[float]:
    """How long each insert took until `stop`, in ms."""
    taken = []
    with closing(sqlite.connect(log, write=True)) as connection:
        connection.execute("PRAGMA synchronous = NORMAL")  # as the drain
        statement = "INSERT INTO data_trace (kind, process, data, timestamp, status) VALUES ('log', 'b', 'x', 1, 'OK')"
        while not stop.wait(PAUSE_S):
            start = time.perf_counter()
            connection.execute(statement)
            taken.append((time.perf_counter() - start) * 1e3)
    return sorted(taken)


def delete(log: Path) -> None:
    """Delete rows while another process inserts; print the inserts' waits before and meanwhile, and the locks."""
    locks: list[float] = []
    used = [0.0]  # processor time so far, after each lock

    class Timed(deletion.Chunks):
        def took(self, seconds: float) -> None:
            locks.append(seconds * 1e3)
            used.append(time.thread_time() * 1e3)
            super().took(seconds)

    for is_deleting in (False, True):
        read, write = os.pipe()
        if (child := os.fork()) == 0:
            stop = threading.Event()
            threading.Timer(WRITE_S, stop.set).start()
            taken = waits(log, stop)
            p50, p99, most = taken[len(taken) // 2], taken[len(taken) * 99 // 100], taken[-1]
            os.write(write, f"{len(taken):,} inserts, ms: p50 {p50:.2f}, p99 {p99:.1f}, max {most:.1f}".encode())
            os._exit(0)
        if is_deleting:
            deletion.Chunks = Timed  # type: ignore[misc]
            with closing(sqlite.connect(log, write=True)) as connection:
                used[0] = time.thread_time() * 1e3
                rows = deletion.delete_rows(connection, 2**62, time.monotonic() + WRITE_S)
        os.waitpid(child, 0)
        print(f"{'deleting' if is_deleting else 'idle':10}  {os.read(read, 200).decode()}", flush=True)
    print(f"locks       {rows:,} rows deleted; max {max(locks):.1f} ms", end=", ")
    print(f"in processor time {max(b - a for a, b in pairwise(used)):.1f} ms")


def main(log: Path) -> None:
    """Run all on a copy."""
    copy = log.with_name(f"{log.stem}-storage.db")
    shutil.copy(log, copy)
    try:
        seal(copy)
        delete(copy)
    finally:
        shutil.rmtree(folder_of(copy), ignore_errors=True)
        for suffix in ("", "-wal", "-shm"):
            copy.with_name(copy.name + suffix).unlink(missing_ok=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

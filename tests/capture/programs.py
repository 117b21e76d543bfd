"""Programs that the tests start, kill and starve; run by name: `python programs.py NAME LOG`."""

import os
import resource
import select
import sys
import time
from pathlib import Path

import obs_core
from obs_core.capture import writer

WITNESS = 1


@obs_core.trace
def step(number: int) -> int:
    """Return the number that the log must hold once this call has returned."""
    return number


def witness(number: int) -> None:
    """Say that the call number `number` has returned."""
    os.write(WITNESS, b"%d\n" % number)


def count(log: str) -> None:
    """Trace call after call until killed."""
    obs_core.configure(log=log, process="counter", group="tests", flush_ms=5, spool_mb=8)
    number = 0
    while True:
        number += 1
        step(number)
        witness(number)


def fork(log: str) -> None:
    """Trace, and fork children that trace, until killed; each number is used once."""
    obs_core.configure(log=log, process="forker", group="tests", flush_ms=5, spool_mb=2)
    number = 0
    while True:
        for _ in range(50):
            number += 1
            step(number)
            witness(number)
        child = os.fork()
        if child == 0:
            step(-number)
            witness(-number)
            os._exit(0)
        os.waitpid(child, 0)


def burst(log: str) -> None:
    """100,000 calls at once, then a normal end."""
    obs_core.configure(log=log, process="burst", group="tests", exit_s=60)
    for number in range(100_000):
        step(number)


def crash(log: str) -> None:
    """Die of a segmentation fault right after a call has returned."""
    obs_core.configure(log=log, process="crash", group="tests", flush_ms=60_000)
    for number in range(100):
        step(number)
    import ctypes  # noqa: PLC0415 - only to crash

    ctypes.string_at(0)


def leave(log: str) -> None:
    """Leave by os._exit right after a call has returned."""
    obs_core.configure(log=log, process="leave", group="tests", flush_ms=60_000)
    for number in range(100):
        step(number)
    os._exit(0)


def trouble(log: str) -> None:
    """Trace 500 calls a second until standard input ends, then flush and print offered, written and dropped rows."""
    obs_core.configure(log=log, process="troubled", flush_ms=10, spool_mb=float(os.environ.get("SPOOL_MB", "4")))
    if kilobytes := os.environ.get("FILE_KB"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(kilobytes) << 10, resource.RLIM_INFINITY))
    pause_s = float(os.environ.get("PAUSE_S", "0.002"))
    number = 0
    while not select.select([0], [], [], 0)[0]:
        number += 1
        step(number)
        time.sleep(pause_s)
    flushed = obs_core.flush(60)
    spool = writer.process.writer.spool if writer.process.writer else None
    assert spool
    spool.tidy(time.time_ns())
    print(number, spool.header.written, spool.header.dropped, int(flushed), spool.header.last_error, flush=True)


if __name__ == "__main__":
    name, path = sys.argv[1:3]
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    globals()[name](path)

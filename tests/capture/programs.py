"""Programs that the tests start and kill; run by name: `python programs.py NAME LOG`."""

import gc
import itertools
import multiprocessing
import os
import resource
import select
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import obs_core
from obs_core.capture import writer

WITNESS = 1


@obs_core.trace
def step(number: int) -> int:
    """Return `number`, which must be in the log once this call has returned."""
    return number


def witness(number: int) -> None:
    """Report on stdout that the call of `number` has returned."""
    os.write(WITNESS, b"%d\n" % number)


def count(log: str) -> None:
    """Trace call after call until killed."""
    obs_core.configure(
        log=log, process="counter", flush_ms=5
    )  # the ring does not fill within the few seconds of the test
    number = 0
    while True:
        number += 1
        step(number)
        witness(number)


def forks(log: str) -> None:
    """Trace, and fork children that trace, until killed; each number is used once."""
    obs_core.configure(log=log, process="forker", flush_ms=5, spool_mb=2)
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


def memory_kb() -> int:
    """The most memory this process has had; getrusage would count that of the process which started it, too."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    return int(status.read_text().split("VmHWM:")[1].split()[0])


def burst(log: str) -> None:
    """Make THREADS times CALLS calls at once; print offered, written, dropped, flushed and the memory used."""
    threads, calls = int(os.environ.get("THREADS", "1")), int(os.environ.get("CALLS", "100000"))
    obs_core.configure(log=log, process="burst", exit_s=60, spool_mb=float(os.environ.get("SPOOL_MB", "64")))
    step(0)
    before = memory_kb()

    def work(first: int) -> None:
        for number in range(first, first + calls):
            step(number)

    workers = [threading.Thread(target=work, args=(1 + index * calls,)) for index in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    flushed = obs_core.flush(60)
    spool = spool_here()
    spool.tidy(time.time_ns())
    more_kb = memory_kb() - before
    print(1 + threads * calls, spool.header.written, spool.header.dropped, int(flushed), more_kb)


def spool_here() -> Any:  # noqa: ANN401 - a spool or a buffer in memory
    """The spool of this program."""
    assert writer.process.writer
    return writer.process.writer.spool


def fork(log: str) -> None:
    """Fork eight times while a thread traces; the parent prints its last number."""
    obs_core.configure(log=log, process="parent", flush_ms=1, exit_s=60)
    stop = threading.Event()

    def work() -> None:
        number = 1000
        while not stop.is_set():
            number += 1
            step(number)
            time.sleep(0.0001)
        print(number, flush=True)

    worker = threading.Thread(target=work)
    worker.start()
    for child in range(8):
        time.sleep(0.02)
        if os.fork() == 0:
            obs_core.configure(process="child")
            for number in range(100):
                step(-1 - child * 100 - number)
            os._exit(0 if obs_core.flush(30) else 1)
    codes = [os.waitstatus_to_exitcode(os.wait()[1]) for _ in range(8)]
    stop.set()
    worker.join()
    sys.exit(max(codes))


def pooled(number: int) -> int:
    """The function that the processes of a pool run."""
    return step(number)


def pool(log: str) -> None:
    """Trace in processes of multiprocessing; METHOD is their start method."""
    os.environ["OBS_LOG"] = log
    obs_core.configure(log=log)
    context: Any = multiprocessing.get_context(os.environ["METHOD"])
    with obs_core.span("whole"), context.Pool(3) as workers:
        assert workers.map(pooled, range(200)) == list(range(200))
        workers.close()
        workers.join()
    alone = context.Process(target=pooled, args=(200,))
    alone.start()
    alone.join()


def storm(log: str) -> None:
    """Call from threads that start together, a signal handler and forked children, while settings change and forks run.

    Each process prints a line: the calls that returned, and the rows that it says it dropped.
    """
    obs_core.configure(log=log, process="storm", flush_ms=5, spool_mb=0.5, exit_s=60)
    calls = itertools.count()

    def call(_number: object = None, _frame: object = None) -> None:
        step(next(calls))

    def together(threads: int, per_thread: int) -> list[threading.Thread]:
        gate = threading.Barrier(threads)

        def work() -> None:
            gate.wait()
            for _ in range(per_thread):
                call()

        workers = [threading.Thread(target=work) for _ in range(threads)]
        for worker in workers:
            worker.start()
        return workers

    signal.signal(signal.SIGALRM, call)
    signal.setitimer(signal.ITIMER_REAL, 0.002, 0.002)
    sys.setswitchinterval(1e-5)
    for number in range(int(os.environ.get("ROUNDS", "10"))):
        workers = together(8, 100)
        obs_core.configure(process=f"storm {number}")
        if not os.fork():
            calls = itertools.count()
            for worker in together(4, 3):
                worker.join()
            writer.end()
            print(next(calls), writer.dropped(), flush=True)
            os._exit(0)
        for worker in workers:
            worker.join()
        os.wait()
    signal.setitimer(signal.ITIMER_REAL, 0)
    writer.end()
    print(next(calls), writer.dropped(), flush=True)


def interrupted_start(log: str) -> None:
    """Call until 20 calls have returned, while a signal handler raises an exception every 3 ms, from the first call on.

    A start of the writer takes longer. Prints the calls that were made (at most 3,000), and those that returned.
    """

    class Late(Exception):
        """What the handler raises."""

    def late(_number: int, _frame: object) -> None:
        raise Late

    obs_core.configure(log=log, process="interrupted start", flush_ms=5, exit_s=60)
    signal.signal(signal.SIGALRM, late)
    sys.unraisablehook = lambda _: None
    made = returned = 0
    while returned < 20 and made < 3_000:
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.003, 0.003)
            while returned < 20 and made < 3_000:
                made += 1
                step(made)
                returned += 1
        except Late:
            continue
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    signal.setitimer(signal.ITIMER_REAL, 0)
    obs_core.flush(60)
    dropped = writer.dropped()
    writer.end()
    print(made, returned, dropped, flush=True)


def interrupted(log: str) -> None:
    """Call from a signal handler and from finalizers while results are described, with `re` traced.

    Prints the calls that returned, and the rows that it says it dropped.
    """
    obs_core.configure(log=log, process="interrupted", flush_ms=5, exit_s=60)
    obs_core.instrument("re")
    calls = itertools.count()

    class Node:
        """An object whose description takes a while, in a cycle."""

        def __init__(self) -> None:
            self.nodes = [{"text": f"a: {number} token=b"} for number in range(40)]
            self.itself = self

        def __del__(self) -> None:
            step(next(calls))

    @obs_core.trace
    def node() -> Node:
        return Node()

    def call(_number: int, _frame: object) -> None:
        step(next(calls))

    signal.signal(signal.SIGALRM, call)
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    gc.set_threshold(50)
    made = 0
    while made < 200:
        obs_core.record("node", node())
        made += 1
    signal.setitimer(signal.ITIMER_REAL, 0)
    gc.collect()
    gc.disable()
    writer.end()
    print(next(calls), made, writer.dropped(), flush=True)
    os._exit(0)  # finalizers at the end of the interpreter would call once more, uncounted


def fill(log: str) -> None:
    """Trace until standard input ends; print the number of calls."""
    obs_core.configure(log=log, process="filler", spool_mb=0.1)
    number = 0
    while not select.select([0], [], [], 0)[0]:
        number += 1
        step(number)
    print(number)


def crash(log: str) -> None:
    """Crash with a segmentation fault right after a call has returned."""
    obs_core.configure(log=log, process="crash", flush_ms=60_000)
    for number in range(100):
        step(number)
    import ctypes  # noqa: PLC0415 - only to crash

    ctypes.string_at(0)


def leave(log: str) -> None:
    """End with os._exit right after a call has returned."""
    obs_core.configure(log=log, process="leave", flush_ms=60_000)
    for number in range(100):
        step(number)
    os._exit(0)


def trouble(log: str) -> None:
    """Trace 2,000 calls a second until standard input ends, then flush and print offered, written and dropped rows."""
    obs_core.configure(log=log, process="troubled", flush_ms=10, spool_mb=float(os.environ.get("SPOOL_MB", "4")))
    if kilobytes := os.environ.get("FILE_KB"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(kilobytes) << 10, resource.RLIM_INFINITY))
    pause_s = float(os.environ.get("PAUSE_S", "0.0005"))
    number = 0
    while not select.select([0], [], [], 0)[0]:
        number += 1
        step(number)
        if number == 1:
            print("started", flush=True)
        time.sleep(pause_s)
    flushed = obs_core.flush(60)
    spool = spool_here()
    spool.tidy(time.time_ns())
    print(number, spool.header.written, spool.header.dropped, int(flushed), spool.header.last_error, flush=True)


if __name__ == "__main__":
    name, path = sys.argv[1:3]
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    globals()[name](path)

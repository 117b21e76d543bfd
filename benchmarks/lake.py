"""Writing to a shared lake: `python -m benchmarks.lake [ROWS]`, with a PostgreSQL and a SeaweedFS of its own.

Prints the rows that a sealer writes per second of its processor time (with and without its start), then how many
commits per second one, two and four hosts make in small steps, and whether all rows are there.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil

from benchmarks.logs import multiplied
from obs_core import subprocesses
from obs_core.clock import now_ns
from tests.support import lake_services
from tests.support.lakes import Shared

ROWS = 500_000
HOSTS = (1, 2, 4)
STEPS = 60
STEP_ROWS = 500


def spent(process: "subprocess.Popen[str]") -> tuple[list[dict[str, int]], float]:
    """What a child says until it ends, and its processor time in seconds."""
    assert process.stdout
    said = [json.loads(line) for line in process.stdout]
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"A sealer failed: {said}")
    return said, usage.ru_utime + usage.ru_stime


def throughput(shared: Shared, log: Path, rows: int) -> None:
    """Rows per second of processor time."""
    _, start = spent(shared.start("obs_core.lake.sealer", str(log), "--settled-id", "1", "--settled-ns", "1"))
    _, used = spent(shared.start("obs_core.lake.sealer", str(log)))
    print(f"{rows / used:,.0f} rows per second of processor time; {rows / (used - start):,.0f} without the start")
    print(f"the start of a sealer: {start:.2f} s of processor time")


def servers_s(services: lake_services.Services) -> float:
    """The processor time so far of PostgreSQL and SeaweedFS, with their children that have ended, in seconds."""
    total = 0.0
    for service in (services.postgres, services.storage):
        assert service.process
        parent = psutil.Process(service.process.pid)
        for process in (parent, *parent.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                total += sum(process.cpu_times()[:4])  # with those of its children
    return total


def commits(shared: Shared, logs: list[Path]) -> None:
    """Commits per second of several hosts at once, from the first step of the first to the last of all."""
    before_s = servers_s(shared.services)
    children = [shared.start("obs_core.lake.sealer", str(log), f"--batch-rows={STEP_ROWS}") for log in logs]
    first = [child.stdout.readline() for child in children if child.stdout]
    if not all('"action"' in line for line in first):
        raise SystemExit(f"A sealer failed: {first}")
    began = time.perf_counter()
    ended = [spent(child) for child in children]
    elapsed = time.perf_counter() - began
    steps = sum(len(said) for said, _ in ended)
    sealers_ms = 1e3 * sum(used for _, used in ended) / steps
    servers_ms = 1e3 * (servers_s(shared.services) - before_s) / steps
    whole = [shared.counts(number + 1) for number in range(len(logs))]
    is_whole = all(rows == distinct == mark for rows, distinct, mark in whole)
    print(f"{len(logs)} hosts: {steps / elapsed:.1f} commits per second, rows = distinct = mark: {is_whole}")
    print(f"processor time per commit: sealers {sealers_ms:.0f} ms (with their start), servers {servers_ms:.0f} ms")


def main() -> None:
    """Run all."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    with tempfile.TemporaryDirectory() as name, lake_services.running(Path(name)) as services:
        folder = Path(name)
        log = multiplied(folder / "long.db", rows, now_ns())
        shared = Shared(services, "long")
        throughput(shared, log, rows)
        shared.close()
        for hosts in HOSTS:
            logs = [multiplied(folder / f"{hosts}-{n}.db", STEPS * STEP_ROWS, now_ns()) for n in range(hosts)]
            shared = Shared(services, f"hosts{hosts}")
            commits(shared, logs)
            shared.close()


if __name__ == "__main__":
    os.environ.update(subprocesses.environment())
    main()

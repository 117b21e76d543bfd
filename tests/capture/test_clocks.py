"""Clocks beyond the 64 bits of a time in nanoseconds: rows are stored at the bound and counted, nothing raises."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from obs_core.store import sqlite

ROOT = Path(__file__).parents[2]
LATEST, EARLIEST = 2**63 - 1, -(2**63)
CODE = """
import sys, time, os
real, times = time.time_ns, [int(text) for text in sys.argv[1:]]
time.time_ns = lambda: times[len(done) % len(times)]
done = []
import obs_core

@obs_core.trace
def number(n): return n

@obs_core.trace(args=True)
def text(n): return str(n)

@obs_core.trace
def fails(): raise KeyError

for n in range(4):
    number(n)
    text(n)
    try: fails()
    except KeyError: pass
    with obs_core.span("block"):
        obs_core.record("value", n)
        assert len(obs_core.current_trace_id()) == 32
        assert len(obs_core.inject()["traceparent"]) == 55
    done.append(n)
assert obs_core.flush(30)
print(obs_core.capture.writer.process.writer.spool.header.last_error)
"""


@pytest.mark.parametrize(
    "times",
    [(10**19,), (-(10**19),), (10**30,), (-5,), (10**18, 10**30, -(10**30), -1)],
    ids=["2286", "1653", "no year", "1969", "jumps"],
)
def test_no_row_is_lost_whatever_the_clock_shows(tmp_path: Path, times: tuple[int, ...]) -> None:
    log = tmp_path / "trace.db"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OBS_LOG": str(log), "OBS_SPOOL_MB": "1"}
    command = [sys.executable, "-c", CODE, *map(str, times)]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, timeout=60, text=True)
    assert done.stderr == ""
    connection = sqlite.connect(log)
    try:
        rows = connection.execute("SELECT data, timestamp, trace_id FROM data_trace").fetchall()
    finally:
        connection.close()
    names = [name for name, _, _ in rows]
    assert len(names) == 4 * 6
    assert {names.count(name) for name in set(names)} == {4}
    assert {time for _, time, _ in rows} == {max(EARLIEST, min(LATEST, time)) for time in times}
    assert all(len(trace) == 32 for _, _, trace in rows)
    beyond = sum(not EARLIEST < time < LATEST for _, time, _ in rows)
    said = f"{beyond} rows have a time before 1677 or after 2262, stored at the bound" if beyond else ""
    assert done.stdout.strip() == said

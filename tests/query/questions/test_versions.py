"""The versions of a function: from a program edited between two runs, and from records made by hand."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from obs_core.clock import Window
from obs_core.model import Code, Row
from obs_core.query.engine.engine import Engine
from obs_core.query.questions import versions
from obs_core.source_code import diff
from obs_core.store import log as store
from obs_core.store import sqlite
from tests.support import table

ALWAYS = Window(0, 2**63 - 1)
START = table.START_NS
ROOT = Path(__file__).parents[3]
PROGRAM = """\
import time
from obs_core import configure, flush, trace


@trace
def work(number):
    time.sleep(0.001)
    return number


configure(process="shop")
for number in range(60):
    work(number)
flush()
"""


def run(folder: Path, program: str, log: Path) -> None:
    """Write the program and run it traced; it is older than its process by a second."""
    file = folder / "shop.py"
    file.write_text(program, "utf-8")
    past = time.time() - 5
    os.utime(file, (past, past))
    environment = {**os.environ, "OBS_LOG": str(log), "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, str(file)], env=environment, check=True, timeout=60)


def test_a_function_edited_between_two_runs_has_two_versions_and_the_right_diff(tmp_path: Path) -> None:
    log = tmp_path / "trace.db"
    run(tmp_path, PROGRAM, log)
    run(tmp_path, PROGRAM.replace("    time.sleep(0.001)\n", "    number += 1\n    time.sleep(0.008)\n"), log)
    with Engine(log) as engine:
        ran = versions.list_(engine, ALWAYS, function="shop.work")
        assert ran[["version", "calls", "line"]].to_numpy().tolist() == [[2, 60, 5], [1, 60, 5]]
        assert ran["first_seen"].is_monotonic_decreasing
        newer, older = ran["source_hash"]
        pair = versions.compare(engine, ALWAYS, function="shop.work", older=older, newer=newer)
    assert pair["version"].tolist() == [0, 1]
    assert pair["p95_notable"].tolist() == [True, True]
    assert pair["p50_ms"].iloc[1] > 8
    answer = diff.diff(ran["source"][1], ran["source"][0], older_line=5, newer_line=5)
    assert (answer.added, answer.removed, answer.left_out) == (2, 1, 0)


@pytest.fixture
def recorded(log: Path) -> dict[str, list[int]]:
    """Durations of two sources; one of them was recorded in two files."""
    chance = np.random.default_rng(3)
    spans = {"aa": chance.integers(1, 10**7, 301), "bb": chance.integers(1, 3 * 10**7, 200)}
    connection = store.open_log(log)
    with sqlite.transaction(connection):
        first = Code("m.load", "m.py", 3, "def load(): ...", "aa", "r1", START)
        codes = [
            store.code_id(connection, first),
            store.code_id(connection, first._replace(line=9, revision="r2", first_seen=START + 4)),
            store.code_id(connection, first._replace(source_hash="bb", source="x", first_seen=START + 9)),
            store.code_id(connection, first._replace(source_hash="cc", first_seen=START + 99)),
        ]
        store.code_id(connection, first._replace(function="m.save"))
        rows = [
            Row("call", "p", "load", START + at, function="m.load", code_id=codes[at % 2], duration_ns=int(span))
            for at, span in enumerate(spans["aa"])
        ]
        rows += [
            Row("call", "p", "load", START + 500 + at, function="m.load", code_id=codes[2], duration_ns=int(span))
            for at, span in enumerate(spans["bb"])
        ]
        store.append(connection, [*rows, Row("call", "p", "load", START, function="m.load", status="ERROR")])
    connection.close()
    return {name: durations.tolist() for name, durations in spans.items()}


def test_one_source_in_two_files_is_one_version_and_percentiles_are_numpys(
    engine: Engine, recorded: dict[str, list[int]]
) -> None:
    answer = versions.list_(engine, ALWAYS, function="m.load")
    assert answer[["version", "source_hash", "calls", "errors"]].to_numpy().tolist() == [
        [3, "cc", 0, 0], [2, "bb", 200, 0], [1, "aa", 301, 0],
    ]  # fmt: skip
    assert answer[["line", "revision", "first_seen"]].iloc[2].tolist() == [9, "r2", START]
    assert answer[["first_ns", "last_ns"]].iloc[1].tolist() == [START + 500, START + 699]
    for index, name in ((1, "bb"), (2, "aa")):
        exact = np.quantile(recorded[name], [0.5, 0.95, 0.99], method="linear") / 1e6
        assert answer[["p50_ms", "p95_ms", "p99_ms"]].iloc[index].tolist() == pytest.approx(exact.tolist(), rel=1e-9)
    assert versions.list_(engine, ALWAYS, function="m.gone").empty


def test_two_versions_are_compared_by_the_calls_above_the_others_percentiles(
    engine: Engine, recorded: dict[str, list[int]]
) -> None:
    answer = versions.compare(engine, ALWAYS, function="m.load", older="aa", newer="bb")
    old, new = np.array(recorded["aa"]), np.array(recorded["bb"])
    assert answer["above_p95"].tolist() == [(old > np.quantile(new, 0.95)).sum(), (new > np.quantile(old, 0.95)).sum()]
    assert answer["above_p50"].tolist() == [(old > np.quantile(new, 0.5)).sum(), (new > np.quantile(old, 0.5)).sum()]
    assert answer[["p50_notable", "p95_notable"]].all(axis=None)
    alone = versions.compare(engine, ALWAYS, function="m.load", older="aa", newer="cc")
    assert (alone["version"].tolist(), alone["p95_notable"].tolist()) == ([0], [False])

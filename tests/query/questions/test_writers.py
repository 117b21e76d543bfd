"""The question about writers, with a program that really writes."""

import subprocess
import sys
from pathlib import Path

from obs_core.clock import Window
from obs_core.query.engine.engine import Engine
from obs_core.query.questions import writers

ALWAYS = Window(0, 2**63 - 1)
PROGRAM = """
import sys
import obs_core
obs_core.configure(log=sys.argv[1], process="feed", group="red")
for price in range(7):
    obs_core.record("price", price)
obs_core.flush()
print("written", flush=True)
sys.stdin.read()
"""


def test_a_running_writer_is_listed_with_its_counters_until_it_ends(log: Path) -> None:
    with (
        Engine(log) as engine,
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(log)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as program,
    ):
        assert program.stdout
        assert program.stdout.readline() == "written\n"
        (row,) = writers.status(engine, ALWAYS).to_dict("records")
        assert (row["process"], row["process_group"], row["pid"]) == ("feed", "red", program.pid)
        assert (row["state"], row["queue"], row["written"], row["dropped"]) == ("OK", 0, 7, 0)
        assert row["capacity"] > 0
        assert row["last_flush_ns"] > 0
        assert writers.status(engine, ALWAYS, group="blue").empty
        assert len(writers.status(engine, ALWAYS, group="red")) == 1
        program.communicate()
        assert writers.status(engine, ALWAYS).empty


def test_a_log_that_nobody_writes_has_no_writers(log: Path) -> None:
    with Engine(log) as engine:
        answer = writers.status(engine, ALWAYS)
    assert answer.empty
    assert answer.dtypes[["pid", "queue", "capacity", "written", "dropped", "recovered"]].eq("int64").all()

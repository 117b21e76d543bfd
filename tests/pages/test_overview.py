"""The Overview on recorded traffic of a shop, and on logs that are drawn in the tests."""

import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from obs_core.store import sqlite
from tests.pages.conftest import Opened, words
from tests.support import table

SHOP = """
    seconds process process_group function data   kind  trace_id span_id parent_span_id duration_ms status exception
    0       web     shop          m.serve  serve  call  t1       s1      -              100         OK     -
    1       web     shop          m.load   load   call  t1       s2      s1             60          ERROR  OSError:disk
    2       web     shop          -        price  value t1       -       s2             -           OK     -
    3       worker  back          m.refill refill call  t2       s1      -              5           OK     -
    5       worker  back          m.refill refill call  t3       s1      -              5           OK     -
"""


def test_the_figures_are_those_of_the_window(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(SHOP))
    app = opened("overview")
    assert not app.exception
    assert not app.warning
    said = words(app)
    assert "<b class='obs-error'>25 %</b>" in said
    assert "1 of 4 calls" in said
    assert "0.800 calls/s" in said
    assert "0.600 traces/s" in said
    assert "P50 32.5 ms" in said
    assert "every value changes" in said


def test_the_change_is_against_the_window_before(log_path: Path, opened: Opened) -> None:
    """
    0   web  serve  -  OK
    1   web  serve  -  OK
    2   web  serve  -  OK
    3   web  serve  -  ERROR
    """
    table.store(log_path, table.rows(test_the_change_is_against_the_window_before.__doc__ or ""))
    start = table.START_NS // 10**6
    said = words(opened("overview", **{"from": str(start + 2_000), "to": str(start + 4_000)}))
    assert "+50.00 points" in said
    assert "obs-worse" in said


def test_a_group_of_the_link_is_what_the_figures_are_of(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(SHOP))
    said = words(opened("overview", group="back"))
    assert "0 of 2 calls" in said


def test_errors_are_listed_and_grouped_by_type_and_place(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(SHOP))
    newest, kinds, *_ = (each.value for each in opened("overview").dataframe)
    assert newest[["Process", "Exception", "Data"]].to_numpy().tolist() == [["web", "OSError:disk", "load"]]
    assert kinds[["Exception", "Where", "Count"]].to_numpy().tolist() == [["OSError", "m.load", 1]]


def test_a_click_on_an_error_opens_its_trace(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(SHOP))
    app = opened("overview")
    app.session_state["o_errors"] = {"selection": {"cells": [(0, "Process")]}}
    app.run()
    assert "<h1>Trace Explorer</h1>" in words(app)
    assert app.query_params["trace"] in ("t1", ["t1"])
    assert app.query_params["span"] in ("s2", ["s2"])
    assert app.session_state["t_status"] == "ERROR"


def test_a_click_on_a_function_opens_its_code(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(SHOP))
    app = opened("overview")
    app.session_state["o_functions Slowest"] = {"selection": {"cells": [(0, "Function")]}}
    app.run()
    assert "<h1>Code Inspector</h1>" in words(app)
    assert app.query_params["f_fn"] in ("m.serve", ["m.serve"])


@pytest.mark.parametrize(
    ("key", "event"),
    [("o_groups None", {"cells": [(1, "Group")]}), ("o_pie None", {"group": [{"group": "back"}]})],
)
def test_a_click_on_a_group_shows_it_alone(key: str, event: dict[str, object], log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(SHOP))
    app = opened("overview")
    app.session_state[key] = {"selection": event}
    app.run()
    assert app.selectbox(key="group").value == "back"
    assert "0 of 2 calls" in words(app)


def test_a_brush_over_a_chart_becomes_the_window(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(SHOP))
    app = opened("overview")
    start = table.START_NS // 10**6
    app.session_state["o_calls first last"] = {"selection": {"window": {"bucket": [start + 500.2, start + 2_500.7]}}}
    app.run()
    assert app.selectbox(key="from").value == str(start + 500)
    assert app.selectbox(key="to").value == str(start + 2_500)
    assert "1 of 1 calls" in words(app)


PROGRAM = """
import sys
import obs_core
obs_core.configure(log=sys.argv[1], process="feed", group="red")
obs_core.record("price", 1)
obs_core.flush()
print("written", flush=True)
sys.stdin.read()
"""


def test_each_writer_opens_with_its_facts_and_is_gone_when_its_program_is(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(SHOP))
    command = [sys.executable, "-c", PROGRAM, str(log_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout
        assert program.stdout.readline() == "written\n"
        app = opened("overview")
        said = words(app)
        assert "<b>OK</b>" in said
        assert "1 at work" in said
        app.session_state["o_writers"] = True
        each = next(found.value for found in app.run().dataframe if "PID" in found.value)
        assert each[["State", "Process", "PID", "Written"]].to_numpy().tolist() == [
            ["● OK", "feed", str(program.pid), 1]
        ]
        program.communicate()
    end = time.monotonic() + 20
    while "none at work" not in words(app.run()) and time.monotonic() < end:
        time.sleep(0.2)
    assert "none at work" in words(app)


def test_what_is_counted_and_up_to_when_is_said_beside_the_figures(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(SHOP))
    said = words(opened("overview"))
    assert "Counted: all calls, at every depth of their traces" in said
    assert "Data is complete, newest row 2026-01-01 00:00:05.000" in said


def test_both_links_are_offered_and_a_fixed_window_has_one(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(SHOP))
    start = table.START_NS // 10**6
    moving = [each.value for each in opened("overview", **{"from": "first", "to": "last"}).code]
    assert moving == [f"?from={start}&to={start + 5_001}", "?from=first&to=last"]
    fixed = [each.value for each in opened("overview", **{"from": str(start), "to": str(start + 9_000)}).code]
    assert fixed == [f"?from={start}&to={start + 9_000}"]


def test_a_log_without_errors_and_without_times_says_so(log_path: Path, opened: Opened) -> None:
    """
    0   web  serve  -  OK
    """
    table.store(log_path, table.rows(test_a_log_without_errors_and_without_times_says_so.__doc__ or ""))
    said = words(opened("overview"))
    assert "No call failed in this window." in said
    assert "No call was timed." in said


def test_a_locked_log_is_said_and_the_page_recovers(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(SHOP))
    holder = sqlite.connect(log_path, write=True)
    holder.execute("PRAGMA journal_mode = DELETE")
    holder.execute("BEGIN EXCLUSIVE")
    try:
        app = opened("overview")
        assert not app.exception
        assert "is locked by another program" in words(app)
    finally:
        holder.execute("ROLLBACK")
        holder.close()
    assert "1 of 4 calls" in words(app.run())


def test_a_log_that_is_deleted_and_made_anew_under_the_page_is_followed(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(SHOP))
    app = opened("overview")
    for path in log_path.parent.glob("trace.db*"):
        if path.is_file():
            path.unlink()
    app.run()
    assert "There is no trace log yet" in words(app)
    table.store(log_path, table.rows(SHOP)[:1])
    assert "0 of 1 calls" in words(app.run())


def test_a_log_that_grows_under_the_page_is_followed(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(SHOP)[:1])
    app = opened("overview")
    assert "0 of 1 calls" in words(app)
    table.store(log_path, table.rows(SHOP)[1:])
    assert "1 of 4 calls" in words(app.run())


def test_a_log_that_another_program_made_is_shown_as_far_as_it_goes(log_path: Path, opened: Opened) -> None:
    connection = sqlite3.connect(log_path)
    connection.execute(
        'CREATE TABLE data_trace ("Process", "Data", "Data Type", "Data Value", "Timestamp", "Status", "Exception")'
    )
    connection.execute(
        "INSERT INTO data_trace VALUES"
        " ('feed', 'price', 'float', '1.5', '2026-01-01T00:00:00Z', 'ERROR', 'OSError: no')"
    )
    connection.commit()
    connection.close()
    app = opened("overview")
    assert not app.exception
    said = words(app)
    assert "1 of 1 calls" in said
    assert "It has no durations: there are no percentiles." in said

"""The Overview on small logs that the tests define."""

import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from obs_core.model import Row
from obs_core.query.engine import access_paths
from obs_core.store import sqlite
from tests.pages.conftest import Opened, page_text
from tests.support import archives, table

SHOP = """
    seconds process process_group function data   kind  trace_id span_id parent_span_id duration_ms status exception
    0       web     shop          m.serve  serve  call  t1       s1      -              100         OK     -
    1       web     shop          m.load   load   call  t1       s2      s1             60          ERROR  OSError:disk
    2       web     shop          -        price  value t1       -       s2             -           OK     -
    3       worker  back          m.refill refill call  t2       s1      -              5           OK     -
    5       worker  back          m.refill refill call  t3       s1      -              5           OK     -
"""


def test_the_stat_cards_are_for_the_window(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(SHOP))
    app = opened("overview")
    assert not app.exception
    assert not app.warning
    text = page_text(app)
    assert "<b class='obs-error'>25 %</b>" in text
    assert "1 of 4 calls" in text
    assert "0.800 calls/s" in text
    assert "0.600 traces/s" in text
    assert "P50 32.5 ms" in text
    assert "no stale values" in text


def test_the_change_is_against_the_window_before(log_path: Path, opened: Opened) -> None:
    """
    0   web  serve  -  OK
    1   web  serve  -  OK
    2   web  serve  -  OK
    3   web  serve  -  ERROR
    """
    table.store(log_path, table.rows(test_the_change_is_against_the_window_before.__doc__ or ""))
    start = table.START_NS // 10**6
    text = page_text(opened("overview", **{"from": str(start + 2_000), "to": str(start + 4_000)}))
    assert "+50.00 points" in text
    assert "obs-worse" in text


def test_the_group_of_a_link_filters_the_stat_cards(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(SHOP))
    text = page_text(opened("overview", group="back"))
    assert "0 of 2 calls" in text


def test_errors_are_listed_and_grouped_by_type_and_location(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(SHOP))
    kinds, newest, *_ = (frame.value for frame in opened("overview").dataframe)
    assert newest[["Process", "Exception", "Data"]].to_numpy().tolist() == [["web", "OSError:disk", "load"]]
    assert kinds[["Issue", "Raised in", "Count"]].to_numpy().tolist() == [["OSError:disk", "m.load", 1]]


def test_a_click_on_an_error_opens_its_trace(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(SHOP))
    app = opened("overview")
    app.session_state["o_errors"] = {"selection": {"cells": [(0, "Process")]}}
    app.run()
    assert "<h1>Trace Explorer</h1>" in page_text(app)
    assert app.query_params["trace"] in ("t1", ["t1"])
    assert app.query_params["span"] in ("s2", ["s2"])
    assert app.session_state["t_status"] == "ERROR"


def test_an_issue_opens_its_card_and_can_be_muted_for_all_readers(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(SHOP))
    app = opened("overview")
    [before] = [frame.value for frame in app.dataframe if "Issue" in frame.value]
    assert before[["Issue", "Raised in", "Count"]].to_numpy().tolist() == [["OSError:disk", "m.load", 1]]
    app.session_state["o_kinds"] = {"selection": {"cells": [(0, "Issue")]}}
    app.run()
    assert "1 exception · first 2026-01-01 00:00:01.000" in page_text(app)
    assert "innermost first: m.load" in page_text(app)
    app.button(key="o_issue_mute").click().run()
    assert "All issues of this window are muted." in page_text(app)
    other = opened("overview")
    assert "OSError:disk" not in [*other.dataframe[0].value.get("Issue", [])]
    other.toggle(key="o_show_muted").set_value(True).run()
    other.session_state["o_kinds"] = {"selection": {"cells": [(0, "Issue")]}}
    other.run()
    other.button(key="o_issue_mute").click().run()
    assert "muted" not in page_text(other).lower()


def test_the_card_of_an_issue_says_when_it_was_first_seen_in_the_whole_log(log_path: Path, opened: Opened) -> None:
    row = Row("call", "web", "load", table.START_NS, status="ERROR", exception="OSError: disk", function="m.load")
    table.store(log_path, [row, row._replace(timestamp=table.START_NS + 10 * 10**9)])
    app = opened("overview", **{"from": str(table.START_NS // 10**6 + 5_000)})
    app.session_state["o_kinds"] = {"selection": {"cells": [(0, "Issue")]}}
    app.run()
    assert "1 exception · first 2026-01-01 00:00:00.000, last 2026-01-01 00:00:10.000" in page_text(app)


def test_a_click_on_a_function_opens_its_code(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(SHOP))
    app = opened("overview")
    app.session_state["o_functions Slowest"] = {"selection": {"cells": [(0, "Function")]}}
    app.run()
    assert "<h1>Code Inspector</h1>" in page_text(app)
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
    assert "0 of 2 calls" in page_text(app)


def test_a_brush_over_a_chart_becomes_the_window(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(SHOP))
    app = opened("overview")
    start = table.START_NS // 10**6
    app.session_state["o_calls first last"] = {"selection": {"window": {"bucket": [start + 500.2, start + 2_500.7]}}}
    app.run()
    assert app.text_input(key="from").value == "2026-01-01T00:00:00.5Z"
    assert app.text_input(key="to").value == "2026-01-01T00:00:02.5Z"
    assert "1 of 1 calls" in page_text(app)


PROGRAM = """
import sys
import obs_core
obs_core.configure(log=sys.argv[1], process="feed", group="red")
obs_core.record("price", 1)
obs_core.flush()
print("written", flush=True)
sys.stdin.read()
"""


def test_a_running_writer_is_listed_until_its_program_ends(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(SHOP))
    command = [sys.executable, "-c", PROGRAM, str(log_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout
        assert program.stdout.readline() == "written\n"
        app = opened("overview")
        text = page_text(app)
        assert "Writers OK, 1 running · queue" in text
        app.session_state["o_writers"] = True
        listed = next(frame.value for frame in app.run().dataframe if "PID" in frame.value)
        assert listed[["State", "Process", "PID", "Written"]].to_numpy().tolist() == [
            ["● OK", "feed", str(program.pid), 1]
        ]
        program.communicate()
    end = time.monotonic() + 20
    while "No writers running" not in page_text(app.run()) and time.monotonic() < end:
        time.sleep(0.2)
    assert "No writers running" in page_text(app)


def test_the_page_says_what_is_counted_and_up_to_when(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(SHOP))
    text = page_text(opened("overview"))
    assert "All calls are counted, at every depth of their traces" in text
    assert "Data is complete, newest row 2026-01-01 00:00:05.000" in text


def links(app: AppTest) -> list[str]:
    """What the button to share offers."""
    app.session_state["obs_share"] = True
    return [str(code.value) for code in app.run().code]


def test_there_are_two_links_and_one_for_an_absolute_window(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(SHOP))
    first = "2026-01-01T00:00:00Z"
    assert links(opened("overview", **{"from": "first", "to": "last"})) == [
        f"?from={first}&to=2026-01-01T00:00:05.001Z",
        "?from=first&to=last",
    ]
    start = table.START_NS // 10**6
    fixed = links(opened("overview", **{"from": str(start), "to": str(start + 9_000)}))
    assert fixed == [f"?from={first}&to=2026-01-01T00:00:09Z"]


def test_a_log_without_errors_and_without_times_says_so(log_path: Path, opened: Opened) -> None:
    """
    0   web  serve  -  OK
    """
    table.store(log_path, table.rows(test_a_log_without_errors_and_without_times_says_so.__doc__ or ""))
    text = page_text(opened("overview"))
    assert "No errors in this window." in text
    assert "No timed calls." in text


def test_a_locked_log_is_reported_and_the_page_recovers(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(SHOP))
    holder = sqlite.connect(log_path, write=True)
    holder.execute("PRAGMA journal_mode = DELETE")
    holder.execute("BEGIN EXCLUSIVE")
    try:
        app = opened("overview")
        assert not app.exception
        assert "is locked by another program" in page_text(app)
    finally:
        holder.execute("ROLLBACK")
        holder.close()
    assert "1 of 4 calls" in page_text(app.run())


def test_a_log_that_is_deleted_and_created_again_is_followed(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(SHOP))
    app = opened("overview")
    for path in log_path.parent.glob("trace.db*"):
        if path.is_file():
            path.unlink()
    app.run()
    assert "No trace log yet" in page_text(app)
    table.store(log_path, table.rows(SHOP)[:1])
    assert "0 of 1 calls" in page_text(app.run())


def test_a_growing_log_is_followed(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(SHOP)[:1])
    app = opened("overview")
    assert "0 of 1 calls" in page_text(app)
    table.store(log_path, table.rows(SHOP)[1:])
    assert "1 of 4 calls" in page_text(app.run())


def test_a_log_of_another_program_is_shown_as_far_as_possible(log_path: Path, opened: Opened) -> None:
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
    text = page_text(app)
    assert "1 of 1 calls" in text
    assert "It has no durations: there are no percentiles." in text


def test_percentiles_of_a_long_window_are_approximate_until_the_link_asks_for_exact_ones(
    log_path: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_paths, "ROLLUP_ROWS", 100)
    monkeypatch.setattr(access_paths, "FULL_MIRROR_ROWS", 100)
    archives.append(log_path, archives.mixed(400))
    archives.seal(log_path)
    app = opened("overview")
    assert "Percentiles are approximate (≤ 1 %)" in page_text(app)
    assert "≈ " in page_text(app)
    app.button(key="obs_exact_switch").click().run()
    assert app.query_params["exact"] in ("1", ["1"])
    assert "Percentiles are exact" in page_text(app)
    assert "≈ " not in page_text(app)
    assert "Percentiles are exact" in page_text(opened("code_inspector", exact="1"))
    app.button(key="obs_exact_switch").click().run()
    assert "exact" not in app.query_params
    assert "Percentiles are approximate" in page_text(app)


def test_a_page_whose_percentiles_are_always_exact_does_not_mention_it(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(SHOP))
    assert "Percentiles are" not in page_text(opened("overview"))

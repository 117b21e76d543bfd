"""The Alerts page: streaks of a real tide gauge, by the criteria of the link."""

import csv
from contextlib import closing
from importlib import resources
from itertools import pairwise
from pathlib import Path

import pytest

from obs_core.alerts import ledger
from obs_core.alerts.rules import parsing, sources
from obs_core.errors import QuestionTimedOut
from obs_core.model import Row
from obs_core.ui.alerts import sparklines
from obs_core.watch.follower import Follower
from tests.pages.conftest import Opened, page_text
from tests.support import table

GAUGE = resources.files("obs_core.demo").joinpath("data", "tide_gauge.csv")


def readings() -> list[Row]:
    """The gauge's readings, one second apart so that a test needs no long window."""
    with GAUGE.open(encoding="utf-8") as file:
        records = list(csv.DictReader(file))
    name = next(column for column in records[0] if "time" not in column.lower())
    return [
        Row(
            "value", "water_level", "sea level", table.START_NS + index * 10**9, data_type="float", data_value=row[name]
        )
        for index, row in enumerate(records)
    ]


STEPS = """
    seconds  process  data   kind   data_value
    0        feed     price  value  1
    1        feed     price  value  2
    2        feed     price  value  2.0
    3        feed     price  value  2
    4        feed     price  value  2
    5        feed     price  value  2
    6        feed     price  value  2
    0        feed     flow   value  5
    1        feed     flow   value  5
    2        feed     flow   value  5
    3        feed     flow   value  6
"""


def test_the_sixth_equal_reading_is_stale(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(STEPS))
    app = opened("alerts")
    assert not app.exception
    assert "● 1 stale now" in page_text(app)
    streaks = app.dataframe[0].value
    assert streaks[["State", "Process", "Data", "Value", "Readings"]].to_numpy().tolist() == [
        ["● ongoing", "feed", "price", "2", 6]
    ]


def test_the_threshold_of_the_link_decides_and_ongoing_streaks_come_first(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(STEPS))
    app = opened("alerts", a_threshold="2")
    assert list(app.dataframe[0].value["Data"]) == ["price", "flow"]
    assert app.number_input(key="a_threshold").value == 2
    assert "**No stale values**" in page_text(opened("alerts", a_threshold="6"))


QUIET = """
    seconds  process  data        kind   data_value  function
    0        web      load.limit  value  9           shop.load
    1        web      load.limit  value  5           shop.load
    0        web      rate        value  7           -
    0        web      flow        value  1           -
    10       web      load.limit  value  5           shop.load
    11       web      load.limit  value  5           shop.load
    12       web      load.limit  value  5           shop.load
    10       web      rate        value  7           -
    11       web      rate        value  7.0         -
    12       web      rate        value  7           -
    10       web      flow        value  2           -
    11       web      flow        value  2           -
    12       web      flow        value  2           -
"""


@pytest.mark.parametrize("start", [0, 5])
def test_arguments_and_constants_are_listed_apart_and_are_not_stale(start: int, log_path: Path, opened: Opened) -> None:
    """A constant has had one value since the log began: the flow of the last seconds is stale, not constant."""
    table.store(log_path, table.rows(QUIET))
    app = opened("alerts", a_threshold="2", **{"from": str(table.START_NS // 10**6 + start * 1000)})
    assert "● 1 stale now" in page_text(app)
    assert list(app.dataframe[0].value["Data"]) == ["flow"]
    assert app.expander[0].label == "1 constant and 1 argument that repeat by design"
    quiet = app.dataframe[1].value
    assert quiet[["Kind", "Data"]].to_numpy().tolist() == [["constant", "rate"], ["argument", "load.limit"]]


def test_a_constant_with_a_rule_is_stale(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(QUIET))
    rule = {"name": "stuck", "kind": "stale", "data": "rate", "threshold": 2}
    with closing(ledger.open_ledger(log_path)) as connection:
        sources.add(connection, log_path, parsing.parse_rule(rule), table.START_NS)
    with closing(Follower(log_path)) as follower:
        follower.tick(table.START_NS + 12 * 10**9)
    app = opened("alerts", a_threshold="2")
    assert "● 2 stale now" in page_text(app)
    assert sorted(app.dataframe[1].value["Data"]) == ["flow", "rate"]


def test_the_series_of_the_link_is_drawn_with_its_streak_shaded(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(STEPS))
    app = opened("alerts", a_threshold="2", a_process="feed", a_data="flow")
    assert "feed · flow" in page_text(app)
    assert len(app.get("vega_lite_chart")) == 1


def test_text_values_are_listed_instead_of_drawn(log_path: Path, opened: Opened) -> None:
    """
    seconds  process  data  kind   data_value
    0        door     lock  value  open
    1        door     lock  value  shut
    """
    table.store(log_path, table.rows(test_text_values_are_listed_instead_of_drawn.__doc__ or ""))
    app = opened("alerts", a_process="door", a_data="lock")
    assert "open" in page_text(app)
    assert not app.get("vega_lite_chart")


def test_a_click_on_a_streak_names_its_series_in_the_link(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(STEPS))
    app = opened("alerts", a_threshold="2")
    app.session_state["a_streaks"] = {"selection": {"cells": [(1, "Data")]}}
    app.run()
    assert app.query_params["a_data"] in ("flow", ["flow"])


def test_without_values_the_page_says_how_programs_record_them(log_path: Path, opened: Opened) -> None:
    """
    0   feed  load  -  OK
    """
    table.store(log_path, table.rows(test_without_values_the_page_says_how_programs_record_them.__doc__ or ""))
    assert "obs_core.record(name, value)" in page_text(opened("alerts"))


def test_a_silent_process_is_listed(log_path: Path, opened: Opened) -> None:
    """
    seconds  process  data   kind   data_value
    0        gone     price  value  1
    400      feed     price  value  2
    """
    table.store(log_path, table.rows(test_a_silent_process_is_listed.__doc__ or ""))
    silent = opened("alerts").dataframe[-1].value
    assert list(silent["Process"]) == ["gone"]


def test_a_real_tide_gauge_that_stuck_for_months_is_listed(log_path: Path, opened: Opened) -> None:
    rows = readings()
    table.store(log_path, rows)
    app = opened("alerts")
    lengths = list(app.dataframe[0].value["Readings"])
    assert max(lengths) == longest([row.data_value for row in rows])
    assert not app.exception


def longest(values: list[str | None]) -> int:
    """The longest streak of equal readings, counted plainly."""
    best = run = 1
    for before, value in pairwise(values):
        run = run + 1 if float(value or "nan") == float(before or "nan") else 1
        best = max(best, run)
    return best


@pytest.mark.parametrize("link", [{"a_threshold": "zero"}, {"a_threshold": "-4"}, {"a_missing": "perhaps"}])
def test_invalid_criteria_fall_back_to_the_defaults(link: dict[str, str], log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(STEPS))
    app = opened("alerts", **link)
    assert not app.exception
    assert app.number_input(key="a_threshold").value == 5
    assert app.selectbox(key="a_missing").value == "value"


def test_alerts_are_listed_even_if_their_trends_take_too_long(
    log_path: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    table.store(log_path, table.rows(STEPS))
    (log_path.parent / sources.NAME).write_text('[[rule]]\nname = "stuck"\nkind = "stale"\nthreshold = 3\n')
    with closing(Follower(log_path)) as follower:
        follower.tick(table.START_NS + 10 * 10**9)

    def late(*_: object) -> list[str | None]:
        raise QuestionTimedOut("The question took longer than 5 s.")

    monkeypatch.setattr(sparklines, "images", late)
    app = opened("alerts")
    assert not app.exception
    assert list(app.dataframe[0].value["Rule"]) == ["stuck"]
    assert any("longer than 5 s" in warning.value for warning in app.warning)
    assert [button.label for button in app.button].count("Retry") == 1

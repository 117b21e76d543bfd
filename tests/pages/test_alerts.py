"""The Alerts page: streaks of a real tide gauge, by the criteria of the link."""

import csv
from importlib import resources
from itertools import pairwise
from pathlib import Path

import pytest

from obs_core.model import Row
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

"""The table in the browser: what it may contain, and which clicks are valid."""

import json
from typing import Any

import pytest

from obs_core.model import CANONICAL
from obs_core.ui.explorer import grid, grid_style, pinned_columns


def test_the_columns_are_the_seven_canonical_ones_and_the_duration() -> None:
    fields = [column["field"] for column in grid.options({})["columnDefs"] if not column.get("hide")]
    assert fields == [*CANONICAL, "Duration"]


def test_options_are_new_objects_for_every_call() -> None:
    first = grid.options({})
    first["columnDefs"].clear()
    assert grid.options({})["columnDefs"]


def test_nothing_is_drawn_as_html() -> None:
    scripts = json.dumps(grid.options({}), default=lambda code: code.js_code)
    for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert way not in scripts
    assert "textContent" in scripts


def test_every_colour_follows_the_theme() -> None:
    styles = grid_style.styles(dark=True)
    assert styles[":root"] == {"color-scheme": "dark"}
    variables = next(rule for name, rule in styles.items() if name.startswith("body"))
    for name in grid_style.COLOURS:
        assert variables[name].startswith("light-dark(")


def test_a_click_event_becomes_a_click() -> None:
    event = {"path": "1/2", "trace": "t", "span": "s", "kind": "call", "opens": True, "selects": False, "at": 5}
    assert grid.clicked(event) == grid.Click("1/2", "t", "s", "call", opens=True, selects=False)


@pytest.mark.parametrize("raw", [None, 5, "1/2", [], {}, {"path": 3}, {"path": None, "opens": True}])
def test_an_invalid_event_is_none(raw: object) -> None:
    assert grid.clicked(raw) is None


@pytest.mark.parametrize("odd", [{"trace": 5}, {"span": None}, {"opens": "yes"}, {"selects": None}])
def test_invalid_fields_of_a_click_are_ignored(odd: dict[str, Any]) -> None:
    click = grid.clicked({"path": "1", "trace": "", "span": "", "kind": "call", "opens": None, "selects": False} | odd)
    assert click == grid.Click("1", "", "", "call", opens=None, selects=False)


def test_pinned_columns_come_last_and_run_nothing() -> None:
    hostile = ("http.status_code", "::JSCODE::alert(1)::JSCODE::", "<img src=x onerror=alert(2)>", "Group")
    shown = [column for column in grid.options(pinned_columns.fields(hostile))["columnDefs"] if not column.get("hide")]
    titles = [column["headerName"] for column in shown[8:]]
    assert titles == ["http.status_code", "·JSCODE·alert·1·JSCODE·", "·img src·x onerror·alert·2·", "Group"]
    assert [column["field"] for column in shown[8:]] == ["pinned_0", "pinned_1", "pinned_2", "pinned_3"]

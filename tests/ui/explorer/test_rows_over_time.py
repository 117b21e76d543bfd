"""The charts above the table: what a drag over them selects."""

import json
from collections.abc import Callable

import pytest

from obs_core import charts, theme
from obs_core.clock import SECOND, Window
from obs_core.ui.explorer.rows_over_time import brushed, by_duration, by_status


@pytest.mark.parametrize("chart", [by_status, by_duration])
@pytest.mark.parametrize("dark", [False, True])
def test_every_role_gets_its_colour(chart: Callable[[], charts.Spec], dark: bool) -> None:  # noqa: FBT001
    text = json.dumps(theme.coloured(chart(), dark=dark))
    assert '"$' not in text
    assert '"data"' not in text


def test_a_drag_selects_times_and_durations() -> None:
    assert brushed({}) == (None, None)
    assert brushed({"window": {}}) == (None, None)
    assert brushed({"window": {"bucket": [1000.4, 3000.9]}}) == (Window(SECOND, 3 * SECOND), None)
    assert brushed({"window": {"bucket": [1000, 3000], "from_ms": [12.3456, 0.98765]}}) == (
        Window(SECOND, 3 * SECOND),
        (0.988, 12.3),
    )
    assert brushed({"window": {"bucket": [3, 3], "from_ms": [2, 2]}}) == (None, None)

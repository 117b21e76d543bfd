"""Charts as specifications: without data, with a colour for each role in both themes."""

import json
from collections.abc import Callable
from functools import partial

import pytest

from obs_core import charts, theme
from obs_core.ui.explorer import rows_over_time

CHARTS = (
    *(charts.calls_and_errors, charts.latency_bands, charts.shares, charts.readings),
    *(partial(charts.calls_and_errors, per="5 s"), partial(charts.latency_bands, per="5 s", log=True)),
)


@pytest.mark.parametrize("chart", CHARTS)
def test_a_chart_has_no_data(chart: Callable[[], charts.Spec]) -> None:
    text = json.dumps(chart())
    assert '"datasets"' not in text
    assert '"data":' not in text


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("chart", CHARTS)
def test_every_role_gets_its_colour_of_the_theme(chart: Callable[[], charts.Spec], dark: bool) -> None:  # noqa: FBT001
    text = json.dumps(theme.coloured(chart(), dark=dark))
    assert '"$' not in text.replace("$schema", "")


def time_axes(spec: object) -> list[dict[str, object]]:
    """The axes of the times of a chart, with their titles and labels."""
    if isinstance(spec, list):
        return [axis for part in spec for axis in time_axes(part)]
    if not isinstance(spec, dict):
        return []
    is_time = spec.get("type") == "temporal" and "axis" in spec
    own = [spec["axis"]] if is_time and isinstance(spec["axis"], dict) else []
    return [*own, *(axis for part in spec.values() for axis in time_axes(part))]


@pytest.mark.parametrize(
    ("chart", "axes"),
    [
        (charts.calls_and_errors, 1),
        (charts.latency_bands, 1),
        (rows_over_time.by_status, 1),
        (rows_over_time.by_duration, 1),
    ],
)
def test_times_have_24_hours(chart: Callable[[], charts.Spec], axes: int) -> None:
    formats = [axis["format"] for axis in time_axes(chart())]
    assert len(formats) >= axes
    assert all(one == charts.CLOCK for one in formats)


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize(("light", "night"), [*theme.ROLES.values(), *theme.GROUPS])
def test_marks_contrast_with_the_page_in_both_themes(light: str, night: str) -> None:
    assert 1.05 / (luminance(light) + 0.05) >= 2
    assert (luminance(night) + 0.05) / (luminance(theme.PAGE[1]) + 0.05) >= 4.5


def test_a_group_has_the_same_colour_everywhere_and_after_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"group {number}" for number in range(12)]
    monkeypatch.setattr(theme, "_known", set())  # other tests of this process use groups too
    first = theme.group_colours(names)
    assert set(first.values()) == set(theme.GROUPS)
    assert theme.group_colours(["group 7"]) == {"group 7": first["group 7"]}
    monkeypatch.setattr(theme, "_known", set())  # a restart
    assert theme.group_colours(names[::-1]) == first
    grey = {pair for pair in theme.GROUPS if len({pair[0][start : start + 2] for start in (1, 3, 5)}) == 1}
    assert grey == set()

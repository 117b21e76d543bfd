"""The sparkline of an alert: its line, and the part that is shaded."""

import re
from urllib.parse import unquote

import pytest

from obs_core import theme
from obs_core.clock import Window
from obs_core.ui.alerts.sparklines import HEIGHT, WIDTH, Sparkline, image

WINDOW = Window(1_000, 2_000)


def drawn(sparkline: Sparkline, shaded: Window, *, dark: bool = False) -> str:
    """The image as SVG."""
    drawing = image(sparkline, WINDOW, shaded, dark=dark)
    assert drawing is not None
    return unquote(drawing.partition(",")[2])


def test_a_line_runs_over_the_window_and_breaks_where_there_is_no_number() -> None:
    svg = drawn(Sparkline([1_000, 1_250, 1_500, 1_750, 2_000], [0.0, 10.0, None, 5.0, 10.0]), Window(1_500, 2_000))
    quarter, top, bottom = WIDTH / 4, 2.0, HEIGHT - 2.0
    middle = (top + bottom) / 2
    assert f"d='M0.0 {bottom} L{quarter:.1f} {top} M{3 * quarter:.1f} {middle} L{WIDTH:.1f} {top}'" in svg


def test_the_shaded_part_is_cut_to_the_window() -> None:
    svg = drawn(Sparkline([1_000, 2_000], [1.0, 2.0]), Window(0, 9_000))
    assert f"<rect x='0.0' width='{WIDTH:.1f}' height='{HEIGHT}'" in svg
    assert "<rect" not in drawn(Sparkline([1_000, 2_000], [1.0, 2.0]), Window(0, 900))


def test_a_line_that_never_changes_runs_in_the_middle() -> None:
    assert re.search(
        rf"d='M0.0 {HEIGHT / 2} L{WIDTH:.1f} {HEIGHT / 2}'", drawn(Sparkline([1_000, 2_000], [7.0, 7.0]), WINDOW)
    )


@pytest.mark.parametrize("dark", [False, True])
def test_the_image_has_the_colours_of_the_theme(dark: bool) -> None:  # noqa: FBT001 - a parameter of the test
    svg = drawn(Sparkline([1_000, 2_000], [1.0, 2.0]), Window(1_500, 2_000), dark=dark)
    assert {theme.ROLES["accent"][dark], theme.ROLES["stale"][dark]} == set(re.findall("#[0-9a-f]{6}", svg))


def test_without_a_number_there_is_no_image() -> None:
    assert image(Sparkline([1_500], [None]), WINDOW, WINDOW, dark=False) is None
    assert image(Sparkline([1_500], [1.0]), Window(5, 5), WINDOW, dark=False) is None

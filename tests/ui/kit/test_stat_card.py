"""Cards with one figure each."""

from urllib.parse import unquote

from obs_core.ui.kit.stat_card import POINTS, StatCard, card_html, sparkline


def path_of(course: list[float | None]) -> str:
    """The path of a small line."""
    drawn = unquote(sparkline(course))
    return drawn.partition("d='")[2].partition("'")[0]


def test_a_course_rises_from_zero_and_breaks_where_nothing_was_measured() -> None:
    assert path_of([0.0, 2.0, None, 1.0, 2.0]) == "M0.0 23.0 L25.0 1.0 M75.0 12.0 L100.0 1.0"


def test_a_flat_or_short_course_is_not_drawn() -> None:
    assert sparkline([]) == sparkline([3.0]) == sparkline([0.0, 0.0]) == sparkline([None, None]) == ""


def test_a_long_course_keeps_its_peak() -> None:
    course: list[float | None] = [1.0] * 1_000
    course[777] = 50.0
    assert path_of(course).count(" 1.0") == 1
    assert path_of(course).count("L") < POINTS


def test_what_a_card_says_is_text() -> None:
    drawn = card_html(StatCard("<b>", "<i>", "<u>", change="<s>", hover="'\"><img>", bad=True, worse=True))
    for tag in ("<b>&", "<i>", "<u>", "<s>", "<img>"):
        assert tag not in drawn


def test_a_number_between_two_gaps_is_drawn() -> None:
    drawn = unquote(sparkline([1.0, None, 2.0, None, 1.0]))
    assert drawn.count("M") == 3
    assert "M49.6 1.0 L50.4 1.0" in drawn

"""Stat cards."""

from urllib.parse import unquote

from obs_core.ui.kit.stat_card import POINTS, StatCard, card_html, sparkline


def path_of(trend: list[float | None]) -> str:
    """The path of a sparkline."""
    drawn = unquote(sparkline(trend))
    return drawn.partition("d='")[2].partition("'")[0]


def test_a_sparkline_starts_at_zero_and_breaks_at_gaps() -> None:
    assert path_of([0.0, 2.0, None, 1.0, 2.0]) == "M0.0 23.0 L25.0 1.0 M75.0 12.0 L100.0 1.0"


def test_a_flat_or_short_trend_is_not_drawn() -> None:
    assert sparkline([]) == sparkline([3.0]) == sparkline([0.0, 0.0]) == sparkline([None, None]) == ""


def test_a_long_trend_keeps_its_peak() -> None:
    trend: list[float | None] = [1.0] * 1_000
    trend[777] = 50.0
    assert path_of(trend).count(" 1.0") == 1
    assert path_of(trend).count("L") < POINTS


def test_the_texts_of_a_card_are_escaped() -> None:
    drawn = card_html(StatCard("<b>", "<i>", "<u>", change="<s>", hover="'\"><img>", bad=True, worse=True))
    for tag in ("<b>&", "<i>", "<u>", "<s>", "<img>"):
        assert tag not in drawn


def test_a_number_between_two_gaps_is_drawn() -> None:
    drawn = unquote(sparkline([1.0, None, 2.0, None, 1.0]))
    assert drawn.count("M") == 3
    assert "M49.6 1.0 L50.4 1.0" in drawn

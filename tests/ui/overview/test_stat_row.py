"""The changes that the stat cards show."""

import pytest

from obs_core.ui.overview.stat_row import _points, _relative


@pytest.mark.parametrize(
    ("new", "old", "text"),
    [(0.5, 0.25, "+25.00 points"), (0.25, 0.5, "-25.00 points"), (0.1, 0.100001, "+0.00 points"), (None, 0.1, "")],
)
def test_the_change_of_a_share_is_in_points_and_never_minus_zero(
    new: float | None, old: float | None, text: str
) -> None:
    assert _points(new, old) == text


@pytest.mark.parametrize(
    ("new", "old", "text"),
    [
        (3.0, 2.0, "+50 %"),
        (1.0, 4000.0, "-100 %"),
        (999.0, 1000.0, "+0 %"),
        (2.0, 0.0, ""),
        (9e3, 1.0, "\N{MULTIPLICATION SIGN}9,000"),
        (9.9, 1.0, "+890 %"),
    ],
)
def test_the_change_of_a_number_is_in_percent_of_its_old_value(new: float, old: float, text: str) -> None:
    assert _relative(new, old) == text

"""When pages refresh."""

import pytest

from obs_core.clock import SECOND
from obs_core.ui.kit.auto_refresh import wait_ns

START = 1_700_000_000 * SECOND  # a multiple of 5 s


@pytest.mark.parametrize(
    ("interval_s", "after_s", "due_s"),
    [
        (5, 0.25, 5.25),  # at a refresh: the next multiple
        (5, 0.3, 5.25),
        (5, 3.9, 5.25),  # a page that was opened in between meets the others
        (5, 4.1, 10.25),  # unless that would be within a quarter of the interval
        (1, 0.25, 1.25),
        (1, 0.9, 1.25),
        (1, 1.1, 2.25),
    ],
)
def test_pages_refresh_together_shortly_after_the_multiples_of_the_interval(
    interval_s: int, after_s: float, due_s: float
) -> None:
    now = START + int(after_s * SECOND)
    assert now + wait_ns(interval_s * SECOND, now) == START + int(due_s * SECOND)

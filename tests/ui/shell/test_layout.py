"""How numbers and moments are written."""

import math

import pytest

from obs_core.ui.kit import formatting
from obs_core.ui.shell import layout


@pytest.mark.parametrize(
    ("ms", "written"),
    [
        (None, formatting.NOT_MEASURED),
        (math.nan, formatting.NOT_MEASURED),
        (0.0, "0 ms"),
        (0.0004, "0.400 µs"),
        (0.0983, "98.3 µs"),
        (12.34, "12.3 ms"),
        (999.4, "999 ms"),
        (1_240, "1.24 s"),
        (90_000, "1.50 min"),
        (12_600_000, "3.50 h"),
        (200 * 86_400_000, "200 d"),
    ],
)
def test_lengths_of_time_have_three_significant_digits(ms: float | None, written: str) -> None:
    assert formatting.duration(ms) == written


@pytest.mark.parametrize(
    ("fraction", "written"), [(0.0, "0 %"), (0.034, "3.4 %"), (0.00293, "0.293 %"), (0.1234, "12.3 %"), (1.0, "100 %")]
)
def test_shares_are_percent(fraction: float, written: str) -> None:
    assert formatting.share(fraction) == written
    assert formatting.share(None) == formatting.NOT_MEASURED


def test_counts_rates_and_sizes_carry_separators_and_units() -> None:
    assert formatting.count(1_234_567) == "1,234,567"
    assert formatting.count(math.nan) == formatting.NOT_MEASURED
    assert [formatting.rate(each) for each in (0.0, 0.04512, 12.34, 1_234.5)] == ["0", "0.0451", "12.3", "1,234"]
    assert [formatting.size(each) for each in (640, 1_240_000, -2_000)] == ["640 B", "1.24 MB", "-2.00 kB"]


def test_moments_have_milliseconds_and_what_is_beyond_the_calendar_is_a_number() -> None:
    assert formatting.format_time(1_767_225_600_123_456_789) == "2026-01-01 00:00:00.123"
    assert formatting.format_time(1_767_225_600_123_456_789, date=False) == "00:00:00.123"
    assert formatting.format_time(None) == formatting.NOT_MEASURED
    assert formatting.format_time(2**62 * 400) == f"{2**62 * 400} ns"


def test_facts_and_literals_keep_hostile_text_text() -> None:
    assert "<img" not in layout.detail_list({"Data": "<img src=x onerror=alert(1)>"})
    assert formatting.escape_markdown("a_b [x](http://y) :red[z]").replace("\\", "") == "a_b [x](http://y) :red[z]"
    assert r"\[x\]\(" in formatting.escape_markdown("[x](")


def test_a_cell_that_is_no_number_is_none() -> None:
    assert [formatting.number(cell) for cell in (3, 2.5, math.nan, None, "7")] == [3.0, 2.5, None, None, None]

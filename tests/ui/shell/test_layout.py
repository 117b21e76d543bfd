"""How numbers and times are formatted."""

import math

import pytest

from obs_core.ui.kit import formatting
from obs_core.ui.shell import layout


@pytest.mark.parametrize(
    ("ms", "text"),
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
def test_durations_have_three_significant_digits(ms: float | None, text: str) -> None:
    assert formatting.duration(ms) == text


@pytest.mark.parametrize(
    ("fraction", "text"), [(0.0, "0 %"), (0.034, "3.4 %"), (0.00293, "0.293 %"), (0.1234, "12.3 %"), (1.0, "100 %")]
)
def test_shares_are_percent(fraction: float, text: str) -> None:
    assert formatting.share(fraction) == text
    assert formatting.share(None) == formatting.NOT_MEASURED


def test_counts_rates_and_sizes_carry_separators_and_units() -> None:
    assert formatting.count(1_234_567) == "1,234,567"
    assert formatting.count(math.nan) == formatting.NOT_MEASURED
    assert [formatting.rate(number) for number in (0.0, 0.04512, 12.34, 1_234.5)] == ["0", "0.0451", "12.3", "1,234"]
    assert [formatting.size(number) for number in (640, 1_240_000, -2_000)] == ["640 B", "1.24 MB", "-2.00 kB"]


def test_times_have_milliseconds_and_are_plain_numbers_beyond_the_calendar() -> None:
    assert formatting.format_time(1_767_225_600_123_456_789) == "2026-01-01 00:00:00.123"
    assert formatting.format_time(1_767_225_600_123_456_789, date=False) == "00:00:00.123"
    assert formatting.format_time(None) == formatting.NOT_MEASURED
    assert formatting.format_time(2**62 * 400) == f"{2**62 * 400} ns"


def test_details_and_escaped_markdown_keep_hostile_text_as_text() -> None:
    assert "<img" not in layout.detail_list({"Data": "<img src=x onerror=alert(1)>"})
    assert formatting.escape_markdown("a_b [x](http://y) :red[z]").replace("\\", "") == "a_b [x](http://y) :red[z]"
    assert r"\[x\]\(" in formatting.escape_markdown("[x](")


def test_a_cell_without_a_number_is_none() -> None:
    assert [formatting.number(cell) for cell in (3, 2.5, math.nan, None, "7")] == [3.0, 2.5, None, None, None]

"""Significant changes and random ones."""

import math

import numpy as np
import pytest
from pandas import Series

from obs_core.query.analysis import significance


def marked(share: float, trials: int, calls: int, factor: float = 1.0) -> int:
    """In how many of `trials` pairs of samples, the second `factor` times as slow, the percentile counts as changed."""
    chance = np.random.default_rng(5)
    answer = 0
    for _ in range(trials):
        before, now = chance.lognormal(2, 1, calls), chance.lognormal(2, 1, calls) * factor
        slower = int((now > np.quantile(before, 1 - share)).sum())
        slower_before = int((before > np.quantile(now, 1 - share)).sum())
        counts = (Series([number]) for number in (calls, slower, calls, slower_before))
        answer += bool(significance.share_differs(*counts, share=share).iloc[0])
    return answer


@pytest.mark.parametrize("share", [0.5, 0.05, 0.01])
def test_no_change_is_hardly_ever_significant_and_a_doubling_is(share: float) -> None:
    assert marked(share, 500, 400) <= 5
    assert marked(share, 50, 1_000, factor=2.5) >= 45


def test_a_change_with_few_calls_is_never_significant() -> None:
    assert marked(0.05, 20, 49, factor=100) == 0
    assert marked(0.01, 20, 249, factor=100) == 0
    assert marked(0.5, 20, 50, factor=100) == 20


def test_the_test_of_two_proportions_is_the_textbooks() -> None:
    """NIST/SEMATECH e-Handbook, 7.3.3: pooled proportion, z = difference over its standard error."""
    pooled = 120 / 2_000
    z = (0.1 - 0.02) / math.sqrt(pooled * (1 - pooled) * (2 / 1_000))
    assert significance.proportions_z(100, 1_000, 20, 1_000) == pytest.approx(z)
    assert significance.proportions_differ(100, 1_000, 20, 1_000)
    assert not significance.proportions_differ(1, 10, 2, 10)
    assert not significance.proportions_differ(0, 1_000, 0, 1_000)
    assert not significance.proportions_differ(0, 0, 5, 10)


def test_means_are_compared_by_their_standard_errors() -> None:
    assert significance.means_differ(11.0, 2.0, 400, (10.0, 2.0, 400))
    assert not significance.means_differ(10.5, 2.0, 400, (10.0, 2.0, 400))
    assert not significance.means_differ(99.0, 2.0, 49, (10.0, 2.0, 400))

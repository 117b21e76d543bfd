"""Whether two samples of durations differ by more than chance.

A percentile is compared by the share of calls beyond it: without a change, 5 % of the calls now are slower than the P95
before, and 5 % of the calls before are slower than the P95 now. A share that is more than `NOTABLE` standard errors
above the expected one, in either direction, is significant.
"""

import math
from typing import Final

import numpy as np
from pandas import DataFrame, Series

ENOUGH: Final = 50  # timed calls; with fewer, one call more or less changes the compared share by 2 %
NOTABLE: Final = 4.0  # standard errors: with 400 functions and a refresh every 5 s, 3 gives a false alarm each minute
_EXPECTED: Final = 2.5  # least number of calls expected beyond the percentile: for a P95, those of `ENOUGH` calls
_SHARES: Final = {"p50": 0.5, "p95": 0.05, "p99": 0.01}


def with_notable(sides: DataFrame) -> DataFrame:
    """Two samples (`before`, then now) with columns `p50_notable` and so on: whether that percentile changed.

    A sample has its number of calls in `timed` and those above the other's percentiles in `above_p50` and so on. Both
    rows get the same value; with fewer than two rows it is False.
    """
    attrs = dict(sides.attrs)
    for name, share in _SHARES.items():
        sides[f"{name}_notable"] = False
        if len(sides) == 2:  # noqa: PLR2004 - two samples
            then, now = sides.iloc[[0]].reset_index(), sides.iloc[[1]].reset_index()
            above = f"above_{name}"
            differs = share_differs(now["timed"], now[above], then["timed"], then[above], share=share)
            sides[f"{name}_notable"] = bool(differs.iloc[0])
    sides.attrs = attrs
    return sides


def share_differs(
    timed: "Series[int]",
    slower: "Series[int]",
    timed_before: "Series[int]",
    slower_before: "Series[int]",
    *,
    share: float,
) -> "Series[bool]":
    """Whether a percentile changed: `slower` of `timed` calls are above the other sample's; `share` is expected."""
    now, then = timed.clip(lower=1), timed_before.clip(lower=1)
    largest = np.maximum(slower / now, slower_before / then)
    deviation = np.sqrt(share * (1 - share) * (1 / now + 1 / then))
    fewest = np.minimum(now, then)
    differs: Series[bool] = Series(largest - share > NOTABLE * deviation)
    return differs & (fewest >= ENOUGH) & (fewest * share >= _EXPECTED)


def proportions_differ(count: float, size: float, count_before: float, size_before: float) -> bool:
    """Whether two error rates differ (two proportions, with the pooled rate)."""
    return min(size, size_before) > 0 and abs(proportions_z(count, size, count_before, size_before)) > NOTABLE


def proportions_z(count: float, size: float, count_before: float, size_before: float) -> float:
    """The distance of two proportions in standard errors (NIST/SEMATECH e-Handbook, 7.3.3)."""
    pooled = (count + count_before) / (size + size_before)
    spread = math.sqrt(pooled * (1 - pooled) * (1 / size + 1 / size_before))
    return (count / size - count_before / size_before) / spread if spread else 0.0


def means_differ(mean: float, deviation: float, size: float, before: tuple[float, float, float]) -> bool:
    """Whether two means differ (Welch); `before` is the other sample's mean, standard deviation and size."""
    if min(size, before[2]) < ENOUGH:
        return False
    error = math.sqrt(deviation**2 / size + before[1] ** 2 / before[2])
    return abs(mean - before[0]) > NOTABLE * error

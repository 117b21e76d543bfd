"""Whether two samples of durations differ by more than chance.

A percentile is compared by the share of calls beyond it: had nothing changed, 5 % of the calls now would be slower than
the P95 before, and 5 % of those before slower than the P95 now. A share that lies more than `NOTABLE` standard errors
above what is expected, in either direction, is no chance.
"""

import math
from typing import Final

import numpy as np
from pandas import Series

ENOUGH: Final = 50  # timed calls; below, one call more or less moves the share that is compared by 2 %
NOTABLE: Final = 4.0  # standard errors: with 400 functions and a tick every 5 s, 3 would cry wolf each minute
_EXPECTED: Final = 2.5  # calls beyond the percentile that are expected at least: of a P95, those of `ENOUGH` calls


def share_differs(
    timed: "Series[int]",
    slower: "Series[int]",
    timed_before: "Series[int]",
    slower_before: "Series[int]",
    *,
    share: float,
) -> "Series[bool]":
    """Whether a percentile changed: `slower` of `timed` calls lie above the other sample's, where `share` should."""
    now, then = timed.clip(lower=1), timed_before.clip(lower=1)
    found = np.maximum(slower / now, slower_before / then)
    deviation = np.sqrt(share * (1 - share) * (1 / now + 1 / then))
    fewest = np.minimum(now, then)
    differs: Series[bool] = Series(found - share > NOTABLE * deviation)
    return differs & (fewest >= ENOUGH) & (fewest * share >= _EXPECTED)


def proportions_differ(found: float, of: float, found_before: float, of_before: float) -> bool:
    """Whether two error rates differ (two proportions, with the pooled rate)."""
    return min(of, of_before) > 0 and abs(proportions_z(found, of, found_before, of_before)) > NOTABLE


def proportions_z(found: float, of: float, found_before: float, of_before: float) -> float:
    """How many standard errors two proportions lie apart (NIST/SEMATECH e-Handbook, 7.3.3)."""
    pooled = (found + found_before) / (of + of_before)
    spread = math.sqrt(pooled * (1 - pooled) * (1 / of + 1 / of_before))
    return (found / of - found_before / of_before) / spread if spread else 0.0


def means_differ(mean: float, deviation: float, of: float, before: tuple[float, float, float]) -> bool:
    """Whether two means differ (Welch); `before` is the other sample's mean, standard deviation and size."""
    if min(of, before[2]) < ENOUGH:
        return False
    error = math.sqrt(deviation**2 / of + before[1] ** 2 / before[2])
    return abs(mean - before[0]) > NOTABLE * error

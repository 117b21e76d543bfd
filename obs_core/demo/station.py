"""A station that reads one instrument: an ordinary small program with traced functions.

`python -m obs_core.demo.station FEED SECONDS VERSION` takes about 40 readings a second, checks and smooths them, and
computes a forecast and a summary. A missing reading fails as in a real program: float("") raises, the error is
recorded, and the next reading is taken.
"""

import asyncio
import statistics
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from itertools import cycle
from typing import Final

from obs_core import configure, flush, record, span, trace
from obs_core.demo import releases
from obs_core.demo.feeds import FEEDS, Feed, readings

PAUSE_S: Final = 0.025
WINDOW: Final = 12
HISTORY: Final = 48
MIN_POINTS: Final = 3

Summary = Callable[[list[float]], Awaitable[dict[str, float]]]


class OutOfRangeError(ValueError):
    """A reading outside the range of the instrument."""


@trace
def parse(text: str) -> float:
    """The number in a reading."""
    return float(text)


@trace(args=True)
def checked(value: float, low: float, high: float) -> float:
    """`value`, if it is in the range of the instrument."""
    if not low <= value <= high:
        raise OutOfRangeError(f"{value} is not between {low} and {high}")
    return value


@trace
def moving_average(values: list[float]) -> float:
    """The mean of the last readings."""
    return statistics.fmean(values[-WINDOW:])


@trace
def trend(values: list[float]) -> float:
    """The slope of the readings per step, by least squares."""
    if len(values) < MIN_POINTS:
        return 0.0
    return statistics.linear_regression(range(len(values)), values).slope


@trace
async def forecast(values: list[float], steps: int) -> float:
    """The expected reading in `steps` steps, by linear extrapolation."""
    await asyncio.sleep(0)
    return moving_average(values) + steps * trend(values)


@trace
async def next_reading(source: Iterator[str]) -> str:
    """The next reading of the instrument."""
    await asyncio.sleep(PAUSE_S)
    return next(source)


@trace
async def observe(feed: Feed, source: Iterator[str], history: deque[float], summary: Summary) -> float:
    """Take one reading, check it, and compute forecast and summary."""
    value = checked(parse(await next_reading(source)), feed.low, feed.high)
    record(feed.variable, value)
    record("window", WINDOW)  # a constant: pages list it as one, not as a stale value
    history.append(value)
    with span("look ahead"):
        ahead, spread = await asyncio.gather(forecast(list(history), WINDOW), summary(list(history)))
    record(f"{feed.variable}_range", round(spread["high"] - spread["low"], 6))
    return ahead


async def watch(feed: Feed, seconds: float, summary: Summary) -> int:
    """Observe the feed for about `seconds`; return the number of valid readings."""
    source = cycle(readings(feed))
    history: deque[float] = deque(maxlen=HISTORY)
    used = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            await observe(feed, source, history, summary)
        except ValueError:
            continue  # no valid reading: the trace has the error
        used += 1
    return used


def main() -> None:
    """Read the feed named on the command line."""
    name, seconds, version = sys.argv[1:4]
    feed = FEEDS[name]
    configure(process=feed.process, group=feed.group, version=version)
    asyncio.run(watch(feed, float(seconds), releases.load(version).summary))
    flush()


if __name__ == "__main__":
    main()

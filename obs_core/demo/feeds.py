"""The feeds of the demo: three series recorded by real instruments (sources in data/ORIGIN.md)."""

import csv
from dataclasses import dataclass
from importlib import resources
from typing import Final


@dataclass(frozen=True, slots=True)
class Feed:
    """One instrument: the process that reads it, the name of its readings, and their valid range."""

    process: str
    group: str
    variable: str
    file: str
    low: float
    high: float


FEEDS: Final = {
    feed.process: feed
    for feed in (
        Feed("tide-gauge", "harbour", "sea_level_m", "tide_gauge.csv", -2.0, 6.0),
        Feed("solar-inverter", "rooftop", "power_share", "solar_inverter.csv", 0.0, 1.0),
        Feed("email-pod", "web-shop", "latency_p95_s", "pod_latency.csv", 0.0, 5.0),
    )
}


def readings(feed: Feed) -> list[str]:
    """The feed's readings in order, as the instrument wrote them; a missing one is empty."""
    text = resources.files("obs_core.demo").joinpath("data", feed.file).read_text("utf-8")
    return [row["reading"] for row in csv.DictReader(text.splitlines())]

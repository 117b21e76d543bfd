"""Annotations of a chart for a rule: its limits, when it fired, and when it flapped."""

from collections.abc import Sequence

from pandas import DataFrame

from obs_core.alerts.backtest import Firing, Flapping
from obs_core.alerts.rules.model import Rule
from obs_core.ui.kit import formatting
from obs_core.ui.kit.text import plain
from obs_core.ui.shell import chart_view


def annotations(
    rule: Rule, firings: Sequence[Firing], flapping: Sequence[Flapping], first_ns: int, last_ns: int
) -> DataFrame:
    """Return all annotations for `charts.readings`, cut to the drawn range from `first_ns` to `last_ns`."""
    return chart_view.layered(_bands(firings, first_ns, last_ns), _strips(flapping, first_ns, last_ns), limits_of(rule))


def limits_of(rule: Rule) -> DataFrame:
    """Return the limits `above` and `below` of a rule, if its kind has them (columns limit, limit_label)."""
    limits = [(name, getattr(rule.condition, name, None)) for name in ("above", "below")]
    rows = [(limit, f"{name} {limit:g}") for name, limit in limits if limit is not None]
    return DataFrame(rows, columns=["limit", "limit_label"])


def _bands(firings: Sequence[Firing], first_ns: int, last_ns: int) -> DataFrame:
    """Firings as bands."""
    cut = [(_cut(firing, first_ns, last_ns), plain(firing.summary, 100) or "fires") for firing in firings]
    bands = [(*ends, label) for ends, label in cut if ends]
    return DataFrame(bands, columns=["start_ns", "end_ns", "label"])


def _strips(flapping: Sequence[Flapping], first_ns: int, last_ns: int) -> DataFrame:
    """Times of flapping as strips."""
    cut = [ends for period in flapping if (ends := _cut(period, first_ns, last_ns))]
    strips = [(*ends, f"from {formatting.format_time(ends[0])} to {formatting.format_time(ends[1])}") for ends in cut]
    return DataFrame(strips, columns=["flaps_ns", "calms_ns", "flapping"])


def _cut(period: Firing | Flapping, first_ns: int, last_ns: int) -> tuple[int, int] | None:
    """The part of a period in the drawn range; None if there is none."""
    start_ns = max(period.starts_ns, first_ns)
    end_ns = last_ns if period.ends_ns is None else min(period.ends_ns, last_ns)
    return (start_ns, end_ns) if start_ns <= end_ns else None

"""What a chart says of a rule beside the course that it looks at: its limits, when it fired, when it flapped."""

from collections.abc import Sequence

from pandas import DataFrame

from obs_core.alerts.backtest import Firing, Flapping
from obs_core.alerts.rules.model import Calls, Rule, Value
from obs_core.ui.kit import formatting
from obs_core.ui.kit.text import plain
from obs_core.ui.shell import chart_view


def marks(
    rule: Rule, firings: Sequence[Firing], flapping: Sequence[Flapping], first_ns: int, last_ns: int
) -> DataFrame:
    """All of them for `charts.readings`, cut to what is drawn: from `first_ns` to `last_ns`."""
    return chart_view.layered(_bands(firings, first_ns, last_ns), _strips(flapping, first_ns, last_ns), limits_of(rule))


def limits_of(rule: Rule) -> DataFrame:
    """The limits of a rule about values or calls, to be drawn (columns limit, limit_label)."""
    condition = rule.condition
    ends = [("above", condition.above), ("below", condition.below)] if isinstance(condition, Calls | Value) else []
    known = [(limit, f"{name} {limit:g}") for name, limit in ends if limit is not None]
    return DataFrame(known, columns=["limit", "limit_label"])


def _bands(firings: Sequence[Firing], first_ns: int, last_ns: int) -> DataFrame:
    """Firings as bands."""
    cut = [(_cut(each, first_ns, last_ns), plain(each.summary, 100) or "fires") for each in firings]
    bands = [(*ends, label) for ends, label in cut if ends]
    return DataFrame(bands, columns=["start_ns", "end_ns", "label"])


def _strips(flapping: Sequence[Flapping], first_ns: int, last_ns: int) -> DataFrame:
    """Times of flapping as strips."""
    found = [ends for each in flapping if (ends := _cut(each, first_ns, last_ns))]
    strips = [(*ends, f"from {formatting.format_time(ends[0])} to {formatting.format_time(ends[1])}") for ends in found]
    return DataFrame(strips, columns=["flaps_ns", "calms_ns", "flapping"])


def _cut(time: Firing | Flapping, first_ns: int, last_ns: int) -> tuple[int, int] | None:
    """The part of a time that is drawn; None if none of it is."""
    start, end = max(time.starts_ns, first_ns), last_ns if time.ends_ns is None else min(time.ends_ns, last_ns)
    return (start, end) if start <= end else None

"""Tracks the current streaks of series, reading by reading, and replays a series after a late reading.

Readings are ordered by (timestamp, id). A reading older than the newest one of its series is late: the series is read
again from the start of a streak before it. The result is the same as for all readings in order.
"""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain
from typing import Final, NamedTuple

from obs_core.series.streaks import EqualRun, ReadingKey, SortKey, Streak, reading_key
from obs_core.store.tail import TailRow

BEGINNING: Final[SortKey] = (-(2**63), 0)


class Variant(NamedTuple):
    """How streaks are delimited; all rules with the same variant share the streaks."""

    tolerance: float = 0.0
    skips_missing: bool = False


@dataclass(slots=True)
class Series:
    """One series: its newest reading, its last activity, and its current streak for each variant.

    `last_seen_ns` is the timestamp of the newest reading, or, if that clock must be wrong, when the row was seen.
    """

    process: str
    data: str
    process_group: str | None = None
    last: SortKey = BEGINNING
    last_seen_ns: int = 0
    streaks: dict[Variant, Streak] = field(default_factory=dict)
    late: dict[Variant, SortKey] | None = None


class Ended(NamedTuple):
    """A streak that ended. With `run` None: all streaks from `sort_key` on are invalid and follow again."""

    process: str
    data: str
    variant: Variant
    sort_key: SortKey
    run: EqualRun | None


def observe(
    series: Series, row: TailRow, variants: Iterable[Variant], ended: list[Ended] | None = None
) -> ReadingKey | None:
    """Add one reading; return its key, or None if it is late and the series must be read again (see `replay`)."""
    sort_key = (row.timestamp, row.id)
    if series.late or sort_key < series.last:
        _mark_late(series, sort_key, variants)
        return None
    series.last = sort_key
    reading = reading_key(row.data_type, row.data_value, row.attributes)
    streaks = series.streaks
    for variant in variants:
        streak = streaks.get(variant)
        if streak is not None and reading is streak.first:  # the fast path of `_step`, without a call
            streak.length += 1
            streak.end_ns = sort_key[0]
        else:
            _step(series, variant, reading, row, ended)
    return reading


def replay(series: Series, rows: Iterable[TailRow], ended: list[Ended] | None = None) -> TailRow | None:
    """Read a series again after late readings: `rows` are its readings since `earliest_late_ns`; return the newest."""
    from_keys, series.late = series.late or {}, None
    for variant, from_key in from_keys.items():
        if ended is not None:
            ended.append(Ended(series.process, series.data, variant, from_key, None))
        streak = series.streaks.pop(variant, None)
        if streak is not None and (earlier := [start for start in streak.starts if start < from_key]):
            # No reading continues this streak: the first one starts a new streak. It only passes on the earlier starts.
            series.streaks[variant] = Streak(_NOTHING, None, 0, 0, 0, array("q", chain.from_iterable(earlier)))
    newest = None
    for row in rows:
        newest = row
        reading = reading_key(row.data_type, row.data_value, row.attributes)
        for variant, from_key in from_keys.items():
            if (row.timestamp, row.id) >= from_key:
                _step(series, variant, reading, row, ended)
    if newest is not None:
        series.last = max(series.last, (newest.timestamp, newest.id))
    return newest


def earliest_late_ns(series: Iterable[Series]) -> int:
    """The time from which late series must be read again."""
    return min(from_key[0] for one in series for from_key in (one.late or {}).values())


_NOTHING: Final = ReadingKey("\0", None, None, missing=False)


def _step(series: Series, variant: Variant, reading: ReadingKey, row: TailRow, ended: list[Ended] | None) -> None:
    tolerance, skips_missing = variant
    if skips_missing and reading.missing:
        return
    time_ns = row.timestamp
    streak = series.streaks.get(variant)
    if streak is None:
        series.streaks[variant] = Streak.begin(reading, row.data_value, (time_ns, row.id))
    elif streak.includes(reading, tolerance):
        streak.length += 1
        streak.end_ns = time_ns
    else:
        if ended is not None and streak.length:
            ended.append(Ended(series.process, series.data, variant, streak.starts[-1], streak.run(ongoing=False)))
        streak.restart(reading, row.data_value, (time_ns, row.id))


def _mark_late(series: Series, sort_key: SortKey, variants: Iterable[Variant]) -> None:
    if series.late is None:
        series.late = {}
    for variant in variants:
        streak = series.streaks.get(variant)
        starts = streak.starts if streak is not None else []
        before = max((start for start in starts if start < sort_key), default=BEGINNING)
        series.late[variant] = min(before, series.late.get(variant, before))

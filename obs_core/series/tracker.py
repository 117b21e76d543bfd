"""Series as they are followed: the streak each is in, taken on reading by reading; late readings make it judged again.

Order is (timestamp, id). A reading that is older than the newest one of its series came late: the series is read again
from the last streak that began before it, and what is then known is what judging all at once would say.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from obs_core.series.streaks import EqualRun, ReadingKey, Streak, reading_key
from obs_core.store.tail import TailRow

BEGINNING: Final = (-(2**63), 0)
Place = tuple[int, int]


class Variant(NamedTuple):
    """What decides where streaks begin and end; all rules that agree in it share the streaks."""

    tolerance: float = 0.0
    skips_missing: bool = False


@dataclass(slots=True)
class Series:
    """One series: its newest reading, when it was last heard of, and the streak it is in by each variant.

    `beat_ns` is when the newest reading was taken, or, where its clock can't be right, when it was seen.
    """

    process: str
    data: str
    process_group: str | None = None
    last: Place = BEGINNING
    beat_ns: int = 0
    streaks: dict[Variant, Streak] = field(default_factory=dict)
    late: dict[Variant, Place] = field(default_factory=dict)


class Ended(NamedTuple):
    """A streak that ended; or, with `run` None, that all that was said from `place` on is said again."""

    process: str
    data: str
    variant: Variant
    place: Place
    run: EqualRun | None


def observe(
    series: Series, row: TailRow, variants: Iterable[Variant], ended: list[Ended] | None = None
) -> ReadingKey | None:
    """Take one reading; None if it came late, and the series waits to be read again (see `again`)."""
    place = (row.timestamp, row.id)
    if series.late or place < series.last:
        _mark_late(series, place, variants)
        return None
    series.last = place
    reading = reading_key(row.data_type, row.data_value, row.attributes)
    streaks = series.streaks
    for variant in variants:
        streak = streaks.get(variant)
        if streak is not None and reading is streak.first:  # the usual case of `_step`, without a call
            streak.length += 1
            streak.end_ns = place[0]
        else:
            _step(series, variant, reading, row, ended)
    return reading


def replay(series: Series, rows: Iterable[TailRow], ended: list[Ended] | None = None) -> TailRow | None:
    """Read a series again from where a late reading fell; `rows` are its readings from the earliest such place on."""
    places, series.late = series.late, {}
    for variant, place in places.items():
        if ended is not None:
            ended.append(Ended(series.process, series.data, variant, place, None))
        streak = series.streaks.pop(variant, None)
        if streak is not None and (earlier := tuple(each for each in streak.starts if each < place)):
            # Not a streak to go on with: the first reading begins a new one. It hands on where those before it began.
            series.streaks[variant] = Streak(_NOTHING, None, 0, 0, 0, earlier)
    newest = None
    for row in rows:
        newest = row
        reading = reading_key(row.data_type, row.data_value, row.attributes)
        for variant, place in places.items():
            if (row.timestamp, row.id) >= place:
                _step(series, variant, reading, row, ended)
    if newest is not None:
        series.last = max(series.last, (newest.timestamp, newest.id))
    return newest


def earliest(series: Iterable[Series]) -> int:
    """The moment from which late series are to be read again."""
    return min(place[0] for each in series for place in each.late.values())


_NOTHING: Final = ReadingKey("\0", None, None, missing=False)


def _step(series: Series, variant: Variant, reading: ReadingKey, row: TailRow, ended: list[Ended] | None) -> None:
    tolerance, skips_missing = variant
    if skips_missing and reading.missing:
        return
    moment = row.timestamp
    streak = series.streaks.get(variant)
    if streak is None:
        series.streaks[variant] = Streak(reading, row.data_value, 1, moment, moment, ((moment, row.id),))
    elif streak.holds(reading, tolerance):
        streak.length += 1
        streak.end_ns = moment
    else:
        if ended is not None and streak.length:
            ended.append(Ended(series.process, series.data, variant, streak.starts[-1], streak.run(ongoing=False)))
        streak.begin(reading, row.data_value, (moment, row.id))


def _mark_late(series: Series, place: Place, variants: Iterable[Variant]) -> None:
    for variant in variants:
        streak = series.streaks.get(variant)
        starts = streak.starts if streak is not None else ()
        before = max((start for start in starts if start < place), default=BEGINNING)
        series.late[variant] = min(before, series.late.get(variant, before))

"""Which values are stuck, which series there are, and what one of them read."""

import math
from collections.abc import Hashable, Iterator
from typing import Any, Final, get_args

import numpy as np
from pandas import DataFrame

from obs_core.clock import Window
from obs_core.errors import BadParameter
from obs_core.query.engine.engine import Engine
from obs_core.query.filters import checks
from obs_core.series.streaks import EqualRun, Missing, StaleCriteria
from obs_core.series.streaks import streaks as judged

COURSE: Final = 60
"""Slices of the small course of a series."""

SCANNED: Final = 2_000_000
"""Rows of a log that are looked through for one question of the page, where no worker holds a copy: about a second."""

_COLUMNS: Final = {
    "process": "object",
    "data": "object",
    "length": "int64",
    "start_ns": "int64",
    "end_ns": "int64",
    "value": "object",
    "ongoing": "bool",
    "data_type": "object",
}
_PACKED: Final = ("lengths", "starts_ns", "ends_ns", "texts", "types", "numbers", "missing", "ongoing")


def streaks(
    engine: Engine,
    window: Window,
    *,
    group: str | None = None,
    threshold: int = 5,
    tolerance: float = 0.0,
    missing: Missing = "value",
    ignore: tuple[str, ...] = (),
    process: str | None = None,
    data: str | None = None,
    min_seconds: float = 0.0,
) -> DataFrame:
    """The runs of more than `threshold` equal consecutive values of one series, by process, data and start.

    `value` is the first value's text; `ongoing` says that the streak runs to the series' last reading. Numbers within
    `tolerance` of the streak's first value are equal to it. Missing readings (None, NaN, empty) are readings like
    others (`value`), not there (`skip`) or the end of a streak (`break`). `ignore` names values that may repeat;
    `min_seconds` is the shortest streak in time. A streak that the window cuts counts from the window's edge.

    Raises:
        BadParameter: a parameter is none of what it may be.
    """
    checks.choice("missing", missing, get_args(Missing))
    for name, number in {"tolerance": tolerance, "min_seconds": min_seconds}.items():
        if not (math.isfinite(number) and number >= 0):
            raise BadParameter(f"{name} is {number}; it must be 0 or more.", "Choose a number from 0 on.")
    rule = StaleCriteria(
        checks.checked_int("threshold", threshold, 1, 10**9), tolerance, missing, min_seconds, tuple(ignore)
    )
    packed = engine.analyse(
        "values/streaks",
        checks.clipped(engine, window),
        {
            "group": checks.text("group", group),
            "process": checks.text("process", process),
            "data": checks.text("data", data),
            "skip_missing": missing == "skip",
            "longer_than": 0 if tolerance else threshold,  # with a tolerance, short runs may join into a long streak
        },
    )
    found = [
        (series["process"], series["data"], run.length, run.start_ns, run.end_ns, run.text, run.ongoing, run.type)
        for series in packed.to_dict("records")
        for run in judged(list(_runs(series)), rule)
    ]
    frame = DataFrame(found, columns=list(_COLUMNS)).astype(_COLUMNS)
    frame.attrs = dict(packed.attrs)
    return frame


def history(
    engine: Engine, window: Window, *, group: str | None = None, process: str, data: str, size: int = 5_000
) -> DataFrame:
    """The newest `size` readings of one series, oldest first; `attrs["truncated"]` says whether there are more.

    Raises:
        BadParameter: `size` is not from 1 to 9,999.
    """
    size = checks.checked_int("size", size, 1, 9_999)
    parameters = {
        "group": checks.text("group", group),
        "process": checks.text("process", process),
        "data": checks.text("data", data),
        "size": size + 1,
    }
    found = engine.analyse("values/history", checks.clipped(engine, window), parameters)
    shown = found.head(size).iloc[::-1].reset_index(drop=True)
    shown.attrs = dict(found.attrs) | {"truncated": len(found) > size}
    return shown


def series(engine: Engine, window: Window, *, group: str | None = None) -> DataFrame:
    """The series of the window: process, data, how many readings, and the newest one's time, type and value."""
    parameters = {"group": checks.text("group", group)}
    return engine.analyse("values/series", checks.clipped(engine, window), parameters)


def trends(
    engine: Engine, window: Window, *, group: str | None = None, processes: tuple[str, ...], names: tuple[str, ...]
) -> DataFrame:
    """The course of several series, named by `processes` and `names` in pairs: what was read last in each slice.

    `moments_ns` are the slices' beginnings, at most 60; slices without a reading are left out. `numbers` are the last
    numbers, null where all readings are texts; of `texts`, the last ones, the first 100 characters are told.

    Raises:
        BadParameter: `processes` and `names` are not of the same length.
    """
    _pairs(processes=processes, names=names)
    within = checks.clipped(engine, window)
    parameters = {"group": checks.text("group", group), "processes": list(processes), "names": list(names)}
    step_ns = checks.buckets(within, "auto", COURSE).step_ns
    return engine.analyse("values/trends", within, parameters | {"step_ns": step_ns})


def first_seen(
    engine: Engine,
    window: Window,
    *,
    group: str | None = None,
    processes: tuple[str, ...],
    names: tuple[str, ...],
    texts: tuple[str, ...],
) -> DataFrame:
    """When each of some values was first read in its series, named by process, name and text in triples.

    Numbers that are equal are one value; a value that was never read in the window has no row. In a log of more than
    `SCANNED` rows of which a worker holds no copy nothing is looked for (ten million rows take 4 s and more each time);
    `attrs["truncated"]` says so.

    Raises:
        BadParameter: the lists are not of the same length.
    """
    _pairs(processes=processes, names=names, texts=texts)
    lists = {"processes": list(processes), "names": list(names), "texts": list(texts)}
    parameters = {"group": checks.text("group", group), **lists}
    within = checks.clipped(engine, window)
    found = engine.mirrored("values/first_seen", within, parameters)
    if found is not None:
        return found
    if (engine.tuples("export/last", {})[0][0] or 0) > SCANNED:
        nothing = DataFrame(columns=["process", "data", "value", "first_ns"])
        nothing.attrs = {"truncated": True, "approximate": False, "way": "none", "elapsed_ms": 0.0}
        return nothing
    return engine.analyse("values/first_seen", within, parameters)


def _pairs(**lists: tuple[str, ...]) -> None:
    """Refuse lists that do not belong together."""
    if len({len(each) for each in lists.values()}) > 1:
        counts = " and ".join(f"{len(each)} {name}" for name, each in lists.items())
        raise BadParameter(f"There are {counts}.", f"Give as many {' as '.join(lists)}.")


def _runs(series: dict[Hashable, Any]) -> Iterator[EqualRun]:
    """The runs of one packed series, in their order."""
    order = np.argsort(series["places"])
    columns = [np.asarray(series[name])[order].tolist() for name in _PACKED]
    for run in map(EqualRun._make, zip(*columns, strict=True)):
        yield run._replace(number=None) if run.number is None or run.number != run.number else run

"""Series of values: their readings, their trends, and runs of equal values."""

import math
from collections.abc import Hashable, Iterator
from typing import Any, Final, get_args

import numpy as np
from pandas import DataFrame

from obs_core.clock import Window
from obs_core.errors import BadParameter
from obs_core.query.engine.engine import Engine
from obs_core.query.engine.sql_file import sql_file
from obs_core.query.filters import checks
from obs_core.series.streaks import EqualRun, Missing, StaleCriteria
from obs_core.series.streaks import streaks as matching_streaks

TREND_SLICES: Final = 60
"""Slices of the trend of a series."""

SCANNED: Final = 2_000_000
"""Largest log that `first_seen` and `constants` read if no worker has a mirror: about a second."""

_COLUMNS: Final = {
    "process": "object",
    "data": "object",
    "length": "int64",
    "start_ns": "int64",
    "end_ns": "int64",
    "value": "object",
    "ongoing": "bool",
    "data_type": "object",
    "argument": "bool",
    "unchanged": "bool",
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

    `value` is the text of the first value; `ongoing` says whether the streak includes the last reading of the series.
    Numbers within `tolerance` of the streak's first value count as equal. `missing` says how missing readings (None,
    NaN, empty) are handled: as a value (`value`), left out (`skip`) or as the end of a streak (`break`). `ignore` lists
    values that may repeat; `min_seconds` is the shortest duration of a streak. A streak that began before the window
    counts from the start of the window. `argument` says whether the series is an argument of a traced function,
    `unchanged` whether it has no other value in the window.

    Raises:
        BadParameter: a parameter has an invalid value.
    """
    checks.choice("missing", missing, get_args(Missing))
    for name, number in {"tolerance": tolerance, "min_seconds": min_seconds}.items():
        if not (math.isfinite(number) and number >= 0):
            raise BadParameter(f"{name} is {number}; it must be 0 or more.", "Choose 0 or a larger number.")
    criteria = StaleCriteria(
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
            "longer_than": 0 if tolerance else threshold,  # with a tolerance, short runs may form a long streak
        },
    )
    rows = [
        (
            *(series["process"], series["data"], run.length, run.start_ns, run.end_ns, run.text, run.ongoing, run.type),
            *(series["argument"], series["unchanged"]),
        )
        for series in packed.to_dict("records")
        for run in matching_streaks(list(_runs(series)), criteria)
    ]
    frame = DataFrame(rows, columns=list(_COLUMNS)).astype(_COLUMNS)
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
    answer = engine.analyse("values/history", checks.clipped(engine, window), parameters)
    readings = answer.head(size).iloc[::-1].reset_index(drop=True)
    readings.attrs = dict(answer.attrs) | {"truncated": len(answer) > size}
    return readings


def series(engine: Engine, window: Window, *, group: str | None = None) -> DataFrame:
    """The series of the window: process, data, number of readings, and time, type and value of the newest."""
    parameters = {"group": checks.text("group", group)}
    return engine.analyse("values/series", checks.clipped(engine, window), parameters)


def trends(
    engine: Engine, window: Window, *, group: str | None = None, processes: tuple[str, ...], names: tuple[str, ...]
) -> DataFrame:
    """The trend of several series, named by `processes` and `names` in pairs: the last reading of each slice of time.

    `moments_ns` are the starts of the slices, at most 60; slices without a reading are left out. `numbers` are the last
    numbers, null if all readings are text; `texts` are the first 100 characters of the last texts.

    Raises:
        BadParameter: `processes` and `names` are not of the same length.
    """
    _check_lengths(processes=processes, names=names)
    within = checks.clipped(engine, window)
    parameters = {"group": checks.text("group", group), "processes": list(processes), "names": list(names)}
    step_ns = checks.buckets(within, "auto", TREND_SLICES).step_ns
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
    """The time of the first reading of some values, named by process, name and text in triples.

    Equal numbers are one value; a value without a reading in the window has no row. A log of more than `SCANNED` rows
    is not searched if no worker has a mirror of it (ten million rows take 4 s and more each time); then the answer is
    empty and `attrs["truncated"]` is True.

    Raises:
        BadParameter: the lists are not of the same length.
    """
    _check_lengths(processes=processes, names=names, texts=texts)
    lists = {"processes": list(processes), "names": list(names), "texts": list(texts)}
    return _of_whole_log(engine, "values/first_seen", window, {"group": checks.text("group", group), **lists})


def constants(
    engine: Engine,
    window: Window,
    *,
    group: str | None = None,
    processes: tuple[str, ...],
    names: tuple[str, ...],
    missing: Missing = "value",
) -> DataFrame:
    """Which of some series, named by process and name in pairs, had one value in all their readings of the window.

    `missing` is that of `streaks`. As in `first_seen`, a long log without a mirror is not searched; then the answer is
    empty and `attrs["truncated"]` is True.

    Raises:
        BadParameter: the lists are not of the same length, or `missing` is not valid.
    """
    _check_lengths(processes=processes, names=names)
    checks.choice("missing", missing, get_args(Missing))
    lists = {"processes": list(processes), "names": list(names), "skip_missing": missing == "skip"}
    return _of_whole_log(engine, "values/constants", window, {"group": checks.text("group", group), **lists})


def _of_whole_log(engine: Engine, query_name: str, window: Window, parameters: dict[str, object]) -> DataFrame:
    """The answer of a mirror; without one only for a log of at most `SCANNED` rows."""
    within = checks.clipped(engine, window)
    answer = engine.mirrored(query_name, within, parameters)
    if answer is not None:
        return answer
    if (engine.tuples("export/last", {})[0][0] or 0) > SCANNED:
        nothing = DataFrame(columns=list(sql_file(query_name).returns))
        nothing.attrs = {"truncated": True, "approximate": False, "way": "none", "elapsed_ms": 0.0}
        return nothing
    return engine.analyse(query_name, within, parameters)


def _check_lengths(**lists: tuple[str, ...]) -> None:
    """Check that the lists have the same length."""
    if len({len(values) for values in lists.values()}) > 1:
        counts = " and ".join(f"{len(values)} {name}" for name, values in lists.items())
        raise BadParameter(f"There are {counts}.", f"Give as many {' as '.join(lists)}.")


def _runs(series: dict[Hashable, Any]) -> Iterator[EqualRun]:
    """The runs of one packed series, in their order."""
    order = np.argsort(series["sequence"])
    columns = [np.asarray(series[name])[order].tolist() for name in _PACKED]
    for run in map(EqualRun._make, zip(*columns, strict=True)):
        yield run._replace(number=None) if run.number is None or run.number != run.number else run

"""Stale values compared with other libraries: their published vectors, with our equivalent options.

The definitions differ: pvanalytics and ioos_qc use a rolling window in which all values are near each other, and pecos
the range of a window; here all values of a streak are near its first one.
"""

import math
from collections.abc import Iterator
from typing import Any

import pytest

from obs_core.clock import SECOND, Window
from obs_core.model import Row
from obs_core.query.engine.engine import Engine
from obs_core.query.questions import values
from tests.support import data, table

ALWAYS = Window(0, 2**62)
VECTORS: list[dict[str, Any]] = data.content(data.series_file("peer_vectors.json"))["vectors"]
PVANALYTICS = [n for n, vector in enumerate(VECTORS) if vector["peer"] == "pvanalytics"]
IOOS = [n for n, vector in enumerate(VECTORS) if vector["peer"] == "ioos_qc" and None not in vector["input"]]
PECOS = [n for n, vector in enumerate(VECTORS) if vector["peer"] == "pecos"]
FLAGGED_FROM = {"all": 0, "tail": 1, "end": None}  # the readings of a stale streak that pvanalytics marks


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A log in which each vector is a series, a reading a second."""
    path = tmp_path_factory.mktemp("peers") / "trace.db"
    rows = [
        Row("value", "peer", f"vector {n}", (index + 1) * SECOND, data_type="float", data_value=_text(number))
        for n, vector in enumerate(VECTORS)
        for index, number in enumerate(vector["input"])
    ]
    table.store(path, rows)
    with Engine(path) as answer:
        yield answer


def _text(number: float | None) -> str:
    return "" if number is None else repr(float(number))


def stale(engine: Engine, number: int, threshold: int, tolerance: float) -> list[tuple[int, int]]:
    """The first and last place of each streak longer than `threshold`."""
    answer = values.streaks(engine, ALWAYS, threshold=threshold, tolerance=tolerance, data=f"vector {number}")
    return [(int(row["start_ns"] // SECOND) - 1, int(row["end_ns"] // SECOND) - 1) for row in answer.to_dict("records")]


@pytest.mark.parametrize("number", PVANALYTICS)
def test_pvanalytics_marks_the_same_readings(engine: Engine, number: int) -> None:
    vector = VECTORS[number]
    options = vector["args"]
    tolerance = options["atol"] + options["rtol"] * abs(vector["input"][1])
    flags = [0] * len(vector["input"])
    for first, last in stale(engine, number, options["window"] - 1, tolerance):
        skipped = FLAGGED_FROM[options["mark"]]
        for index in range(first + (options["window"] - 1 if skipped is None else skipped), last + 1):
            flags[index] = 1
    assert flags == vector["expected_flags"]


@pytest.mark.parametrize("number", IOOS)
def test_ioos_qc_suspects_and_fails_the_same_readings(engine: Engine, number: int) -> None:
    """Its thresholds are times: three seconds at a reading a second are three repeats, so the fourth equal reading."""
    vector = VECTORS[number]
    options = vector["args"]
    flags = [1] * len(vector["input"])
    for limit, flag in ((options["suspect_threshold"], 3), (options["fail_threshold"], 4)):
        threshold = math.floor(limit / options["step_s"])
        for first, last in stale(engine, number, threshold, options["tolerance"]):
            flags[first + threshold : last + 1] = [flag] * (last + 1 - first - threshold)
    assert flags == vector["expected_flags"]


@pytest.mark.parametrize("number", PECOS)
def test_findings_of_pecos_are_in_our_streaks(engine: Engine, number: int) -> None:
    vector = VECTORS[number]
    answer = stale(engine, number, 5, vector["args"]["bound"][0])
    for first, last, _ in vector["expected_runs"]:
        assert any(start <= first and last <= end for start, end in answer)
    assert bool(answer) == bool(vector["expected_runs"])


def test_every_vector_is_compared_but_the_one_that_counts_time_over_missing_readings() -> None:
    left = set(range(len(VECTORS))) - {*PVANALYTICS, *IOOS, *PECOS}
    assert [VECTORS[number]["peer"] for number in left] == ["ioos_qc"]

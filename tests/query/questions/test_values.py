"""Streaks, series and their readings."""

import math
from pathlib import Path

import pytest

from obs_core.clock import SECOND, Window
from obs_core.errors import BadParameter
from obs_core.model import Row
from obs_core.query.engine.engine import Engine
from obs_core.query.questions import values
from obs_core.series.streaks import Missing
from tests.support import table

ALWAYS = Window(0, 2**63 - 1)
START = table.START_NS
CUT = "x" * 40 + "…"


def read(log: Path, *readings: tuple[str, str | None], **columns: object) -> None:
    """Store `readings` (type, text) of one series, a second apart."""
    rows = [
        Row("value", "feed", "price", START + second * SECOND, data_type=kind, data_value=text, **columns)  # type: ignore[arg-type]
        for second, (kind, text) in enumerate(readings)
    ]
    table.store(log, rows)


def lengths(engine: Engine, **parameters: object) -> list[int]:
    """The lengths of the streaks, in order."""
    return values.streaks(engine, ALWAYS, **{"threshold": 1, **parameters})["length"].tolist()  # type: ignore[arg-type]


def test_the_sixth_equal_reading_in_a_row_is_stale(log: Path, engine: Engine) -> None:
    read(log, *[("float", "1.5")] * 5, ("float", "2"), *[("float", "3.0")] * 6)
    (streak,) = values.streaks(engine, ALWAYS).to_dict("records")
    assert streak == {
        "process": "feed",
        "data": "price",
        "length": 6,
        "start_ns": START + 6 * SECOND,
        "end_ns": START + 11 * SECOND,
        "value": "3.0",
        "ongoing": True,
        "data_type": "float",
        "argument": False,
        "unchanged": False,
    }


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("float", "1.0"), ("float", "1.00")),
        (("float", "0.0"), ("float", "-0.0")),
        (("float", "1e3"), ("float", "1000.0")),
        (("float", "nan"), ("float", "NaN")),
        (("NoneType", "None"), ("NoneType", "None")),
        (("float64", "np.float64(2.5)"), ("float64", "np.float64(2.50)")),
        (("Decimal", "Decimal('1.0')"), ("Decimal", "Decimal('1.00')")),
        (("", "7"), ("", "7.0")),
    ],
)
def test_readings_with_equal_type_and_value_are_equal(
    log: Path, engine: Engine, one: tuple[str, str], other: tuple[str, str]
) -> None:
    read(log, one, other)
    assert lengths(engine) == [2]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("int", "1"), ("float", "1.0")),
        (("int", "1"), ("str", "1")),
        (("str", "1.0"), ("str", "1.00")),
        (("str", "a"), ("str", "A")),
        (("str", "nan"), ("str", "NaN")),
        (("bool", "True"), ("int", "1")),
        (("int", "9007199254740992"), ("int", "9007199254740993")),
        (("NoneType", "None"), ("str", "None")),
        (("float", "inf"), ("float", "-inf")),
    ],
)
def test_readings_with_another_type_or_value_differ(
    log: Path, engine: Engine, one: tuple[str, str], other: tuple[str, str]
) -> None:
    read(log, one, other)
    assert lengths(engine) == []


def test_truncated_texts_are_compared_by_the_hash_of_the_whole_text(log: Path, engine: Engine) -> None:
    rows = [
        Row(
            "value",
            "feed",
            "price",
            START + second,
            data_type="str",
            data_value=CUT,
            attributes=f'{{"attributes": {{"obs.value.length": 9000, "obs.value.hash": "{digest}"}}}}',
        )
        for second, digest in enumerate(["aa", "aa", "aa", "bb", "bb"])
    ]
    table.store(log, rows)
    assert lengths(engine) == [3, 2]


GAPS = [
    ("float", "1"),
    ("float", "1"),
    ("float", None),
    ("float", ""),
    ("float", "1"),
    ("float", "1"),
    ("float", "nan"),
]


@pytest.mark.parametrize(
    ("missing", "expected"),
    [("value", [(2, False), (2, False)]), ("skip", [(4, True)]), ("break", [(2, False), (2, False)])],
)
def test_missing_readings_count_as_values_or_are_skipped_or_end_a_streak(
    log: Path, engine: Engine, missing: Missing, expected: list[tuple[int, bool]]
) -> None:
    read(log, *GAPS)
    answer = values.streaks(engine, ALWAYS, threshold=1, missing=missing)
    assert list(zip(answer["length"], answer["ongoing"], strict=True)) == expected


def test_missing_readings_repeat_too_unless_they_end_streaks(log: Path, engine: Engine) -> None:
    read(log, *[("NoneType", "None")] * 3, ("float", "1"))
    assert lengths(engine) == [3]
    assert lengths(engine, missing="break") == lengths(engine, missing="skip") == []


def test_with_a_tolerance_a_streak_is_measured_from_its_first_value(log: Path, engine: Engine) -> None:
    read(log, *[("float", text) for text in ("1.0", "1.4", "1.5", "1.6", "1.9", "2.2")])
    assert lengths(engine, tolerance=0.5) == [3, 2]
    assert lengths(engine) == []


def test_series_of_one_name_in_two_processes_are_two(engine: Engine) -> None:
    """
    seconds  kind   process  data   data_type  data_value
    0        value  a        price  int        1
    1        value  b        price  int        1
    2        value  a        price  int        1
    3        value  a        size   int        1
    """
    answer = values.streaks(engine, ALWAYS, threshold=1)
    assert answer[["process", "data", "length"]].to_numpy().tolist() == [["a", "price", 2]]
    assert values.series(engine, ALWAYS)[["process", "data", "readings"]].to_numpy().tolist() == [
        ["a", "price", 2],
        ["a", "size", 1],
        ["b", "price", 1],
    ]


def test_readings_with_equal_times_are_in_order_of_arrival(engine: Engine) -> None:
    """
    seconds  kind   process  data   data_type  data_value
    0        value  a        price  int        1
    0        value  a        price  int        2
    0        value  a        price  int        2
    """
    assert lengths(engine) == [2]


def test_streaks_can_be_limited_to_a_group_process_or_variable(engine: Engine) -> None:
    """
    seconds  kind   process  data  data_type  data_value  process_group
    0        value  a        x     int        1           red
    1        value  a        x     int        1           red
    2        value  b        y     int        1           blue
    3        value  b        y     int        1           blue
    4        value  b        y     int        1           blue
    """
    assert lengths(engine) == [2, 3]
    assert lengths(engine, group="blue") == lengths(engine, process="b") == lengths(engine, data="y") == [3]
    assert lengths(engine, ignore=("1",)) == lengths(engine, min_seconds=2.5) == []
    assert lengths(engine, min_seconds=2.0) == [3]


def test_calls_are_not_series(engine: Engine) -> None:
    """
    0  feed  price  1  OK
    1  feed  price  1  OK
    """
    assert lengths(engine) == []
    assert values.series(engine, ALWAYS).empty


@pytest.mark.parametrize(
    "wrong",
    [{"threshold": 0}, {"tolerance": -1.0}, {"tolerance": float("nan")}, {"missing": "x"}, {"min_seconds": -1.0}],
)
def test_invalid_criteria_are_rejected(engine: Engine, wrong: dict[str, object]) -> None:
    with pytest.raises(BadParameter, match=next(iter(wrong))):
        lengths(engine, **wrong)


def test_the_newest_readings_of_a_series_come_oldest_first(engine: Engine) -> None:
    """
    seconds  kind   process  data  data_type  data_value
    0        value  a        x     float      1.5
    1        value  a        x     float      2.5
    2        value  a        x     str        up
    3        value  b        x     float      9
    """
    answer = values.history(engine, ALWAYS, process="a", data="x", size=2)
    assert answer["data_value"].tolist() == ["2.5", "up"]
    assert answer["number"].isna().tolist() == [False, True]
    assert answer.attrs["truncated"]
    assert not values.history(engine, ALWAYS, process="a", data="x").attrs["truncated"]


def test_trends_of_several_series_have_the_last_number_of_every_slice(log: Path, engine: Engine) -> None:
    """
    seconds  process  data   kind   data_value
    0        feed     price  value  1
    1        feed     price  value  2
    70       feed     price  value  nothing
    75       feed     price  value  3
    90       feed     flow   value  9
    130      feed     price  value  none
    3000     other    price  value  4
    """
    assert log
    answer = values.trends(engine, ALWAYS, processes=("feed", "other", "feed"), names=("price", "price", "none"))
    shown = {
        (row["process"], row["data"]): [
            ((int(time_ns) - START) // SECOND, None if math.isnan(number) else number, text)
            for time_ns, number, text in zip(row["moments_ns"], row["numbers"], row["texts"], strict=True)
        ]
        for row in answer.to_dict("records")
    }
    prices = [(0, 2.0, "2"), (60, 3.0, "3"), (120, None, "none")]
    assert shown == {("feed", "price"): prices, ("other", "price"): [(3000, 4.0, "4")]}
    with pytest.raises(BadParameter, match="2 processes and 1 names"):
        values.trends(engine, ALWAYS, processes=("a", "b"), names=("x",))


def test_a_value_is_first_seen_at_the_first_equal_reading_of_its_series(
    log: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    seconds  process  data   kind   data_value
    0        other    price  value  2
    1        feed     price  value  2.0
    2        feed     price  value  3
    3        feed     price  value  2
    4        door     lock   value  open
    5        door     lock   value  shut
    6        door     lock   value  open
    7        door     flow   value  2
    8        feed     price  call   2
    """
    assert log
    answer = values.first_seen(
        engine, ALWAYS, processes=("feed", "door", "feed"), names=("price", "lock", "price"), texts=("2", "shut", "9")
    )
    seen = {(row["process"], row["data"], row["value"]): row["first_ns"] for row in answer.to_dict("records")}
    assert seen == {("feed", "price", "2"): START + SECOND, ("door", "lock", "shut"): START + 5 * SECOND}
    assert not answer.attrs["truncated"]
    monkeypatch.setattr(values, "SCANNED", 8)
    answer = values.first_seen(engine, ALWAYS, processes=("feed",), names=("price",), texts=("2",))
    assert (len(answer), answer.attrs["truncated"]) == (0, True)
    with pytest.raises(BadParameter, match="1 processes and 1 names and 0 texts"):
        values.first_seen(engine, ALWAYS, processes=("a",), names=("x",), texts=())


def test_arguments_and_series_without_another_value_are_marked(log: Path, engine: Engine) -> None:
    """
    seconds  process  data        kind   data_value  function
    0        web      load.limit  value  9           shop.load
    1        web      load.limit  value  5           shop.load
    2        web      load.limit  value  5           shop.load
    3        web      rate        value  1           shop.load
    4        web      rate        value  1.0         shop.load
    5        web      v.load      value  1           shop.load
    6        web      v.load      value  1           shop.load
    7        web      door        value  shut        shop.load
    8        web      door        value  open        shop.load
    9        web      door        value  open        shop.load
    """
    assert log
    answer = values.streaks(engine, ALWAYS, threshold=1)
    marks = {row["data"]: (row["argument"], row["unchanged"]) for row in answer.to_dict("records")}
    assert marks == {
        "load.limit": (True, False),
        "rate": (False, True),
        "v.load": (False, True),
        "door": (False, False),
    }


def test_a_constant_had_one_value_in_all_its_readings(log: Path, engine: Engine) -> None:
    """
    seconds  process  data   kind   data_type  data_value  attributes
    0        web      rate   value  float      1.0         -
    1        web      rate   value  float      1.00        -
    0        web      mixed  value  float      1.0         -
    1        web      mixed  value  int        1           -
    0        web      list   value  list       [1,…]       {"obs.value.hash":"aa"}
    1        web      list   value  list       [1,…]       {"obs.value.hash":"ab"}
    0        web      odd    value  Thing      <x>         {"obs.value.incomparable":true}
    1        web      odd    value  Thing      <x>         {"obs.value.incomparable":true}
    0        web      gap    value  float      2           -
    1        web      gap    value  NoneType   None        -
    0        web      not    value  float      nan         -
    1        web      not    value  float      NaN         -
    """
    assert log
    names = ("rate", "mixed", "list", "odd", "gap", "not", "lost")
    for missing, constant in (("value", ["not", "rate"]), ("skip", ["gap", "rate"])):
        answer = values.constants(engine, ALWAYS, processes=("web",) * 7, names=names, missing=missing)  # type: ignore[arg-type]
        assert answer["data"].tolist() == constant
    first = values.constants(engine, Window(START, START + 1), processes=("web",), names=("mixed",))
    assert first.to_dict("records") == [{"process": "web", "data": "mixed", "readings": 1, "first_ns": START}]

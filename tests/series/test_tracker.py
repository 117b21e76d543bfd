"""Tracking series in steps gives the same streaks as all readings at once: recorded series, and late readings."""

import random
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obs_core.clock import SECOND, iso_ns
from obs_core.model import Row
from obs_core.series import snapshot, tracker
from obs_core.series.streaks import EqualRun, Missing, SortKey, StaleCriteria, reading_key
from obs_core.series.tracker import Ended, Series, Variant
from obs_core.store import log as logs
from obs_core.store import sqlite, tail
from obs_core.store.foreign import NATIVE
from tests.support import data, recorded

SERIES = (
    "dev_boutique_python_pods.csv",
    "dev_nab_ec2_disk.csv",
    "dev_nab_negative.csv",
    "dev_pecos_simple.csv",
    "dev_pv_inverter_inserted.csv",
    "dev_tide_gauge.csv",
)
EXACT, SKIPS, NEAR = Variant(), Variant(skips_missing=True), Variant(1e-4)
Key = tuple[str, str]


def tracked(path: Path, variants: list[Variant], steps: list[int]) -> dict[Variant, dict[Key, dict[SortKey, EqualRun]]]:
    """All streaks of the log at `path`, tracked in steps of these sizes, with a restart after each."""
    streaks: dict[Variant, dict[Key, dict[SortKey, EqualRun]]] = {variant: {} for variant in variants}
    with closing(sqlite.connect(path)) as connection, closing(snapshot.open_series(path)) as derived:
        newest, at = tail.newest_id(connection, NATIVE), 0
        for step in [*steps, newest]:
            known = snapshot.load(derived).series
            ended: list[Ended] = []
            changed: dict[Key, Series] = {}
            rows = list(tail.stream(connection, NATIVE, at, min(at + step, newest)))
            at = rows[-1].id if rows else at
            for row in rows:
                key = (row.process, row.data)
                series = changed[key] = known.setdefault(key, Series(*key))
                tracker.observe(series, row, variants, ended)
            for key, series in changed.items():
                if series.late:
                    late = tail.values_from(connection, NATIVE, [key], tracker.earliest_late_ns([series]), at)
                    tracker.replay(series, late, ended)
            record(streaks, ended)
            snapshot.save(derived, at, (), changed.values())
        for key, series in snapshot.load(derived).series.items():
            for variant, streak in series.streaks.items():
                streaks[variant].setdefault(key, {})[streak.starts[-1]] = streak.run(ongoing=True)
    return streaks


def record(streaks: dict[Variant, dict[Key, dict[SortKey, EqualRun]]], ended: list[Ended]) -> None:
    for end in ended:
        runs = streaks[end.variant].setdefault((end.process, end.data), {})
        if end.run is not None:
            runs[end.sort_key] = end.run
        else:
            for sort_key in [sort_key for sort_key in runs if sort_key >= end.sort_key]:
                del runs[sort_key]


@pytest.fixture(scope="module")
def steps_in(tmp_path_factory: pytest.TempPathFactory) -> dict[Variant, dict[Key, dict[SortKey, EqualRun]]]:
    """All recorded series, tracked in random steps."""
    path = tmp_path_factory.mktemp("series") / "trace.db"
    recorded.imported(path, [data.series_file(name) for name in SERIES])
    chance = random.Random(8)  # noqa: S311 - steps of a test
    return tracked(path, [EXACT, SKIPS, NEAR], [chance.choice([1, 50, 999, 20_000]) for _ in range(40)])


@pytest.mark.parametrize(
    ("missing", "files"),
    [("break", ["runs_break"]), ("skip", ["runs_skip"]), ("value", ["runs_break", "runs_missing"])],
)
def test_streaks_tracked_in_random_steps_are_exactly_the_runs_of_the_reference(
    steps_in: dict[Variant, dict[Key, dict[SortKey, EqualRun]]], missing: Missing, files: list[str]
) -> None:
    criteria = StaleCriteria(missing=missing)
    stale = [
        (*key, run.start_ns, run.end_ns, run.length, run.ongoing)
        for key, runs in steps_in[Variant(skips_missing=missing == "skip")].items()
        for run in runs.values()
        if criteria.counts(run)
    ]
    imported = {key for runs in steps_in.values() for key in runs}
    expected = [
        (
            ref["process"],
            ref["variable"],
            iso_ns(ref["start_ts"]),
            iso_ns(ref["end_ts"]),
            int(ref["length"]),
            ref["ongoing"] == "1",
        )
        for file in files
        for ref in recorded.table(data.series_file(f"{file}.csv"))
        if (ref["process"], ref["variable"]) in imported
    ]
    assert len(expected) > 350
    assert sorted(stale) == sorted(expected)


def test_with_a_tolerance_the_tide_gauge_has_one_streak_of_4212_hours(
    steps_in: dict[Variant, dict[Key, dict[SortKey, EqualRun]]],
) -> None:
    near = [run.length for run in steps_in[NEAR]["water_level", "sea_surface_height_above_sea_level"].values()]
    exact = [run.length for run in steps_in[EXACT]["water_level", "sea_surface_height_above_sea_level"].values()]
    assert near.count(4212) == 1
    assert {3503, 709} <= set(exact)
    assert not {3503, 709} & set(near)


READINGS = st.lists(
    st.tuples(st.integers(0, 30), st.sampled_from(["1", "1", "2", "2.0", "1.5", "nan", ""])), min_size=1, max_size=40
)


@settings(max_examples=60, deadline=None)
@given(READINGS, st.lists(st.integers(1, 9), max_size=6), st.sampled_from([EXACT, SKIPS, Variant(0.5)]))
def test_late_readings_give_the_same_streaks_as_readings_in_order(
    tmp_path_factory: pytest.TempPathFactory, readings: list[tuple[int, str]], steps: list[int], variant: Variant
) -> None:
    path = tmp_path_factory.mktemp("late") / "trace.db"
    with closing(logs.open_log(path)) as connection, sqlite.transaction(connection):
        rows = [Row("value", "p", "x", at * SECOND, data_type="float", data_value=text) for at, text in readings]
        logs.append(connection, rows)
    streaks = tracked(path, [variant], steps)[variant].get(("p", "x"), {})

    expected: list[list[tuple[int, str]]] = []  # runs, reading by reading in order
    for second, text in sorted(readings, key=lambda reading: reading[0]):
        missing = text in {"nan", ""}
        if missing and variant.skips_missing:
            continue
        if expected and same(expected[-1][0][1], text, variant.tolerance):
            expected[-1].append((second, text))
        else:
            expected.append([(second, text)])
    assert [(run.start_ns // SECOND, run.end_ns // SECOND, run.length) for _, run in sorted(streaks.items())] == [
        (run[0][0], run[-1][0], len(run)) for run in expected
    ]


def same(one: str, other: str, tolerance: float) -> bool:
    if {one, other} & {"nan", ""}:
        return one == other
    return abs(float(one) - float(other)) <= tolerance


def test_after_a_late_reading_a_fast_series_is_read_again_from_shortly_before_it() -> None:
    series = Series("p", "x")

    def reading(number: int, time_ns: int) -> tail.TailRow:
        fields = {"id": number, "data_type": "int", "data_value": str(number), "timestamp": time_ns}
        return tail.TailRow(**{**dict.fromkeys(tail.TailRow._fields), **fields})  # type: ignore[arg-type]

    many, step = 20_000, SECOND // 50  # four hundred seconds; every reading has another value
    for number in range(many):
        tracker.observe(series, reading(number, number * step), [EXACT])
    for late_ns in (SECOND // 20, SECOND, 7 * SECOND, 40 * SECOND):
        series.late = None
        assert tracker.observe(series, reading(many, many * step - late_ns), [EXACT]) is None
        reread_ns = many * step - tracker.earliest_late_ns([series])
        assert late_ns < reread_ns < 8 * late_ns + SECOND


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("float", "1.0"), ("float", "1.00")),
        (("float", "0.0"), ("float", "-0.0")),
        (("float", "nan"), ("float", "NaN")),
        (("NoneType", "None"), ("NoneType", "None")),
        (("float64", "np.float64(2.5)"), ("float64", "np.float64(2.50)")),
        (("Decimal", "Decimal('1.0')"), ("Decimal", "Decimal('1.00')")),
        ((None, "7"), ("", "7.0")),
    ],
)
def test_equal_readings_have_the_same_key(one: tuple[str | None, str], other: tuple[str | None, str]) -> None:
    assert reading_key(*one) == reading_key(*other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("int", "1"), ("float", "1.0")),
        (("str", "1.0"), ("str", "1.00")),
        (("int", "9007199254740992"), ("int", "9007199254740993")),
        (("NoneType", "None"), ("str", "None")),
        (("float", "inf"), ("float", "-inf")),
        (("str", "nan"), ("str", "NaN")),
    ],
)
def test_different_readings_have_different_keys(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert reading_key(*one) != reading_key(*other)


def test_truncated_texts_are_equal_if_the_hashes_of_the_full_texts_are() -> None:
    def cut(digest: str) -> object:
        return reading_key("str", "xxx…", f'{{"attributes": {{"obs.value.hash": "{digest}"}}}}')

    assert cut("aa") == cut("aa") != cut("bb")

"""The archive and the rows behind it give the same answers as the log itself."""

import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pandas import DataFrame
from pandas.testing import assert_frame_equal

from obs_core.archive.manifest import Manifest, folder_of
from obs_core.clock import HOUR, SECOND, Window
from obs_core.errors import ArchiveDamaged
from obs_core.model import Row
from obs_core.query.engine import access_paths, archive_planner, dataframes, parts, planner
from obs_core.query.engine.archive_reader import ArchiveReader
from obs_core.query.engine.engine import Engine
from obs_core.query.engine.sql_file import SqlFile, names, sql_file
from obs_core.query.engine.sqlite_reader import SqliteReader
from obs_core.query.engine.worker_pool import Pool
from obs_core.query.questions import functions, inspector, overview
from tests.support.archives import append, mixed, prune, seal, statement
from tests.support.table import START_NS

STEP = 600 * SECOND
END = START_NS + 450 * STEP
ALL = Window(0, 2**63 - 1)
GIVEN: dict[str, object] = {
    "search": "F", "plain": "f3", "hex": "6633", "split_ns": START_NS + 200 * STEP, "first": START_NS // (6 * HOUR),
    "step_ns": 6 * HOUR, "buckets": 13, "size": 50, "longer_than": 0, "by_data": False, "skip_missing": False,
    "processes": ["p0", "p1"], "names": ["f%", ""], "texts": ["10", "7"], "groups": ["", "g_"],
    "functions": ["", "m.%"], "shares": [0.5, 0.95], "function": "m.f1",
}  # fmt: skip
SERIES: dict[str, object] = {"processes": ["p0", "p1", "p1"], "names": ["odd", "odd", "\u00fc"]}


def unfinished(number: int, duration_ns: int | None = None) -> Row:
    """A call that is sealed without its end, or with it."""
    return Row(
        "call", "p0", "open", START_NS + number * 40 * STEP, process_group="g0", trace_id="open", span_id=f"o{number}",
        function="m.f1", duration_ns=duration_ns,
    )  # fmt: skip


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log with 405 sealed rows, of which 3 were superseded since, and newer rows: late ones and new ones."""
    path = append(tmp_path_factory.mktemp("archived") / "x.db", [*mixed(400), *(unfinished(n) for n in range(5))])
    append(path, mixed(1, first=400))
    seal(path, "--everything", "--batch-rows", "90")
    append(path, [unfinished(number, 9_000) for number in range(3)])
    append(path, mixed(20, start_ns=START_NS - 123, first=5_000, step_ns=1_000))
    append(path, [row._replace(timestamp=row.timestamp - 4_800 * STEP) for row in mixed(30, first=5_100)])
    append(path, mixed(40, first=401))
    return path


@pytest.fixture
def reader(path: Path) -> Iterator[ArchiveReader]:
    log = SqliteReader(path, limit_s=20)
    archive = ArchiveReader(path, log)
    yield archive
    archive.close()
    log.close()


def windows(seed: int, count: int) -> list[Window]:
    """Random windows; some are empty, some start or end between the rows or at one."""
    chance = random.Random(seed)  # noqa: S311
    ends = [sorted(chance.randrange(START_NS - STEP, END) for _ in range(2)) for _ in range(count)]
    return [ALL, Window(START_NS, START_NS + STEP), *(Window(start, end) for start, end in ends)]


def assert_equal(answer: DataFrame, expected: DataFrame, name: str) -> None:
    assert_frame_equal(answer, expected, check_exact=False, rtol=1e-12, obj=name)


@pytest.mark.parametrize("name", [name for name in names() if sql_file(name).reach == "analytical"])
def test_every_access_path_gives_the_same_answer(path: Path, pool: Pool, reader: ArchiveReader, name: str) -> None:
    file = sql_file(name)
    with Engine(path, pool=pool) as engine:
        shape, version = engine.shape(), engine.version()
    compared = 0
    for number, window in enumerate(windows(len(name), int(os.environ.get("OBS_TEST_WINDOWS", "2")))):
        parameters = {text: GIVEN.get(text) for text in file.parameters} | {"group": "g0" if number % 2 else None}
        view = reader.view(window)
        assert view
        assert view.has_superseded

        def asked(plan: planner.Plan | None, **more: object) -> DataFrame | None:
            if plan is None:
                return None
            request = {"log": str(path), "statement": plan.statement, "parameters": plan.parameters, **more}
            return dataframes.from_arrow(pool.answer(request))

        def archived(tail: planner.Tail, window: Window = window, **more: object) -> DataFrame | None:
            view = reader.view(window)
            assert view
            return asked(
                archive_planner.archived(file, shape, window, parameters, view, tail=tail, limit=None),  # noqa: B023
                **({"mirror_after_id": view.until_id} if more else {}), **more,
            )  # fmt: skip

        expected = asked(planner.plan(file, shape, window, parameters, share=0.0, limit=None))
        answers = [
            asked(planner.plan(file, shape, window, parameters, share=1.0, limit=None)),
            asked(planner.mirrored(file, shape, window, parameters, None), mirror_at=version),
            archived("sqlite_query"),
            archived("sqlite_query in hex"),
            archived("mirror", mirror_at=[*version, number]),
        ]
        assert expected is not None
        if parts.can_be_divided(file):
            divided = [
                planner.plan(parts.part(file, one, 8), shape, window, parameters, share=0.0, limit=None)
                for one in range(8)
            ]
            requests = [{"log": str(path), "statement": p.statement, "parameters": p.parameters} for p in divided]
            answers.append(dataframes.from_arrow(parts.together(file, [pool.answer(one) for one in requests])))
        for answer in answers:
            if answer is not None:
                assert_equal(answer, expected, f"{name} {window}")
                compared += 1
    assert compared >= 5 * 2 or name == "traces/texts"


@pytest.fixture(scope="module")
def pruned_path(path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the log, without the rows up to the id 250: only the archive has them."""
    copy = tmp_path_factory.mktemp("pruned") / "x.db"
    statement(path, f"VACUUM INTO '{copy}'")
    shutil.copytree(folder_of(path), folder_of(copy))
    prune(copy, 250)
    return copy


def test_rows_that_left_the_log_are_in_every_answer(path: Path, pruned_path: Path, pool: Pool) -> None:
    ways = set()
    with (
        Engine(path, pool=pool, archive=False, row_cap=None) as whole,
        Engine(pruned_path, pool=pool, mirror=True, row_cap=None) as engine,
    ):
        assert engine.extent() == whole.extent()
        for name in names():
            file = sql_file(name)
            if file.reach != "analytical" or name == "traces/texts":
                continue
            for window, group in ((ALL, None), (windows(len(name), 1)[-1], "g0")):
                parameters = {text: GIVEN.get(text) for text in file.parameters} | {"group": group}
                expected, answer = (one.analyse(name, window, parameters) for one in (whole, engine))
                assert_equal(answer, expected, f"{name} {window}")
                ways.add(answer.attrs["way"])
    assert "archive" in ways


def test_an_archive_with_rows_that_left_the_log_must_be_readable(pruned_path: Path, pool: Pool, tmp_path: Path) -> None:
    shutil.copytree(pruned_path.parent, tmp_path / "copy")
    copy = tmp_path / "copy" / "x.db"
    with Manifest(folder_of(copy)) as manifest:
        (manifest.folder / manifest.pieces("rows")[0].file).unlink()
    with Engine(copy, pool=pool) as engine:
        with pytest.raises(ArchiveDamaged, match="Rows of this window are only in"):
            overview.summary(engine, ALL)
        recent = Window(START_NS + 300 * STEP, END)
        assert len(overview.summary(engine, recent)) == 1


def test_the_engine_answers_from_the_archive(path: Path, pool: Pool) -> None:
    with Engine(path, pool=pool) as engine, Engine(path, pool=pool, archive=False) as other:
        for window in windows(1, 3):
            answer, expected = (one.analyse("overview/groups", window, {"group": None}) for one in (engine, other))
            assert_equal(answer, expected, "overview/groups")
            assert answer.attrs["way"] == "archive"
            assert expected.attrs["way"] in ("scan", "sqlite_query")


def test_a_long_log_is_mirrored_only_behind_its_sealed_rows(
    path: Path, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_paths, "FULL_MIRROR_ROWS", 100)
    with Engine(path, pool=pool, mirror=True) as engine, Engine(path, pool=pool, archive=False) as other:
        for question in (overview.summary, overview.groups, overview.processes):
            answer, expected = question(engine, ALL), question(other, ALL)
            assert_equal(answer, expected, question.__name__)
            assert answer.attrs["way"] == "archive"


def test_rows_that_are_not_sealed_yet_are_read_from_the_log(tmp_path: Path, pool: Pool) -> None:
    path = append(tmp_path / "x.db", mixed(400))
    statement(path, "UPDATE data_trace SET timestamp = timestamp + 1")
    seal(path, "--settle-s", "0", "--forward-rows", "1", "--batch-rows", "1000")
    with Manifest(folder_of(path), write=True) as manifest:  # as if only the newest 100 rows were sealed so far
        sealed = manifest.sealed()
        assert sealed
        older = START_NS + 299 * STEP + 1
        manifest._connection.execute("UPDATE sealed SET from_id = 300, older_ns = ?", (older,))
    with Engine(path, pool=pool) as engine:
        for start, way, rows in ((older + 1, "archive", 100), (older, "sqlite_query", 101), (START_NS, "scan", 400)):
            answer = engine.analyse("overview/processes", Window(start, END), {"group": None})
            assert (answer.attrs["way"], int(answer["rows"].sum())) == (way, rows)


def test_the_archive_of_another_log_is_not_used(tmp_path: Path, pool: Pool) -> None:
    path = append(tmp_path / "x.db", mixed(400))
    seal(path)
    with Engine(path, pool=pool) as engine:
        assert engine.analyse("overview/processes", ALL, {"group": None}).attrs["way"] == "archive"
    path.unlink()
    append(path, mixed(500, first=3))
    with Engine(path, pool=pool) as engine:
        answer = engine.analyse("overview/processes", ALL, {"group": None})
    assert (answer.attrs["way"], int(answer["rows"].sum())) == ("scan", 500)


@pytest.mark.parametrize("damage", ["missing", "cut", "garbage", "manifest"])
def test_a_damaged_archive_is_not_used(tmp_path: Path, pool: Pool, damage: str) -> None:
    path = append(tmp_path / "x.db", mixed(400))
    seal(path)
    with Manifest(folder_of(path)) as manifest:
        file = manifest.folder / manifest.pieces("rows")[1].file
    changes: dict[str, Any] = {
        "missing": file.unlink,
        "cut": lambda: os.truncate(file, file.stat().st_size // 2),
        "garbage": lambda: file.write_bytes(b"\xff" * file.stat().st_size),
        "manifest": lambda: (folder_of(path) / "manifest.db").write_bytes(b"x" * 9_000),
    }
    changes[damage]()
    with Engine(path, pool=pool) as engine:
        answer = engine.analyse("overview/processes", ALL, {"group": None})
    assert (answer.attrs["way"], int(answer["rows"].sum())) == ("scan", 400)


def test_text_that_is_not_utf_8_behind_the_archive_is_answered(tmp_path: Path, pool: Pool) -> None:
    path = append(tmp_path / "x.db", mixed(400))
    seal(path)
    append(path, mixed(5, first=400))
    statement(path, "UPDATE data_trace SET process = CAST(x'62c3' AS TEXT) WHERE id IN (7, 404)")
    with Engine(path, pool=pool) as engine:
        answer = engine.analyse("overview/processes", ALL, {"group": None})
        assert (answer.attrs["way"], int(answer["rows"].sum())) == ("archive", 405)
        assert "b\ufffd" in set(answer["process"])


def odd_readings(count: int, start_ns: int) -> list[Row]:
    """Values of two series without a text, a number, a type or a group now and then."""
    texts = ("1", None, "text", "-7.5", "nan", "", "1e3", None, None, "99999999999999999999")
    return [
        Row(
            "value", f"p{number % 2}", "odd", start_ns + number * 1_777 * SECOND,
            process_group=None if number % 5 == 0 else f"g{number % 3}",
            data_type=None if number % 4 == 0 else "float", data_value=texts[number * 7 % 10],
        )
        for number in range(count)
    ]  # fmt: skip


def job(number: int, hour: float, hours: float, parent: int | None = None) -> Row:
    """A call of some hours in a trace of jobs."""
    return Row(
        "call", "jobs", "job", START_NS + int(hour * HOUR), process_group=f"g{number % 2}", trace_id="jobs",
        span_id=f"j{number}", parent_span_id=None if parent is None else f"j{parent}", function=f"jobs.f{number % 3}",
        duration_ns=int(hours * HOUR), memory_delta=number,
    )  # fmt: skip


SEALED_JOBS = (
    job(2, 10.5, 3, parent=1), job(3, 12.1, 4.2, parent=1), job(4, 12.2, 0.5, parent=3), job(5, 20, 30),
    job(6, 21, 2, parent=5), job(7, 25.25, 9, parent=5), job(8, 26, 1, parent=7),
)  # fmt: skip
NEWER_JOBS = (
    job(1, 10, 50), job(9, 24, 3.75, parent=5), job(10, 25.5, 0.25, parent=7), job(11, 40, 60, parent=1),
    job(12, 41, 1, parent=11), job(13, 99, 20, parent=11),
)  # fmt: skip


@pytest.fixture(scope="module")
def rolled_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log with 1,400 sealed rows in some five days, and newer rows: late ones and new ones."""
    path = append(tmp_path_factory.mktemp("rolled") / "x.db", odd_readings(200, START_NS))
    append(path, SEALED_JOBS)
    append(path, mixed(1_200, step_ns=371 * SECOND + 17))
    seal(path, "--everything", "--batch-rows", "333")
    append(path, odd_readings(9, START_NS + 30 * HOUR))
    append(path, NEWER_JOBS)
    append(path, mixed(20, start_ns=START_NS - 123, first=5_000, step_ns=1_000))
    append(path, mixed(40, start_ns=START_NS + 1_200 * 371 * SECOND, first=5_100))
    return path


def needs_the_end(file: SqlFile) -> bool:
    """Whether its rollups answer only for windows that end after all rows."""
    return file.name in ("functions/performance", "inspector/measures")


@pytest.mark.parametrize("name", [name for name in names() if sql_file(name).rollup])
def test_rollups_give_the_same_counts_and_percentiles_within_1_percent(
    rolled_path: Path, pool: Pool, name: str
) -> None:
    file, compared = sql_file(name), 0
    log = SqliteReader(rolled_path, limit_s=20)
    reader = ArchiveReader(rolled_path, log)
    shape, version = log.shape(), log.version()
    for number, window in enumerate(windows(len(name) + 7, int(os.environ.get("OBS_TEST_WINDOWS", "3")))):
        is_grouped = number % 2 and "group" in file.parameters
        parameters = {text: GIVEN.get(text) for text in file.parameters} | {"group": "g0" if is_grouped else None}
        parameters |= SERIES if name == "values/trends" else {}
        parameters |= {key: ["", ""] for key in file.rollup_without}
        if name == "inspector/measures":
            parameters |= {"function": "jobs.f2" if number == 1 else "m.f1", "in_group": "g0" if number == 2 else None}
        if name == "functions/performance":
            parameters |= {"function": "m.f1" if number == 1 else None, "in_group": "g0" if number == 2 else None}
        if needs_the_end(file):
            ended = reader.view(window)
            assert ended
            is_short = window.to_ns <= ended.last_ns
            short = archive_planner.rolled(file, shape, window, parameters, ended, tail="sqlite_query", limit=None)
            assert not is_short or not short
            window = Window(window.from_ns, ALL.to_ns)  # noqa: PLW2901
        view = reader.view(window)
        assert view
        tails: list[tuple[planner.Tail, dict[str, object]]] = [
            ("sqlite_query", {}),
            ("sqlite_query in hex", {}),
            ("mirror", {"mirror_at": [*version, number], "mirror_after_id": view.until_id}),
        ]
        plain = planner.plan(file, shape, window, parameters, share=0.0, limit=None)
        request = {"log": str(rolled_path), "statement": plain.statement, "parameters": plain.parameters}
        expected = dataframes.from_arrow(pool.answer(request))
        for tail, more in tails:
            plan = archive_planner.rolled(file, shape, window, parameters, view, tail=tail, limit=None)
            assert (plan is None) == (window.length_ns < 2 * HOUR)
            if plan:
                request = {"log": str(rolled_path), "statement": plan.statement, "parameters": plan.parameters}
                request["partials"] = plan.partials
                for limit in file.rollup_without:
                    given = parameters | {limit: GIVEN[limit]}
                    assert not archive_planner.rolled(file, shape, window, given, view, tail=tail, limit=None)
                assert_close(dataframes.from_arrow(pool.answer(request | more)), expected)
                compared += 1
    reader.close()
    log.close()
    assert compared >= 3 * 3


@pytest.mark.parametrize("what", ["r_values", "d_values", "d_calls", "d_durations", "d_memory"])
def test_days_that_an_earlier_version_sealed_without_a_rollup_are_answered_too(
    rolled_path: Path, pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr(access_paths, "ROLLUP_ROWS", 500)
    copy = tmp_path / "x.db"
    statement(rolled_path, f"VACUUM INTO '{copy}'")
    shutil.copytree(folder_of(rolled_path), folder_of(copy))
    with Manifest(folder_of(copy), write=True) as manifest:
        days = sorted({piece.day for piece in manifest.pieces(what)})
        manifest._connection.execute("DELETE FROM piece WHERE what = ? AND day = ?", (what, days[2]))
    with Engine(copy, pool=pool) as engine, Engine(copy, pool=pool, archive=False) as other:
        for number, name in enumerate(name for name in names() if sql_file(name).rollup):
            file = sql_file(name)
            parameters = {text: GIVEN.get(text) for text in file.parameters} | {"group": None}
            parameters |= SERIES if name == "values/trends" else {key: ["", ""] for key in file.rollup_without}
            window = Window(START_NS + number * SECOND, START_NS + 200 * HOUR if needs_the_end(file) else END - HOUR)
            answer = engine.analyse(name, window, parameters)
            assert answer.attrs["way"] == "rollup"
            assert_close(answer, other.analyse(name, window, parameters))


SUMS = (
    "impact_ms", "total_ms", "self_ms", "mean_ms", "min_ms", "max_ms", "memory_mean", "memory_deviation",
    "deviation_ms", "error_rate", "numbers",
)  # fmt: skip


def assert_close(answer: DataFrame, expected: DataFrame) -> None:
    """Equal, but percentiles within 1 % of the values between which they lie."""
    assert answer.columns.tolist() == expected.columns.tolist()
    for column in expected.columns:
        got, right = answer[column].explode(), expected[column].explode()
        is_percentile = column.startswith("p") and column.endswith(("_ms", "_ns"))
        is_percentile = is_percentile or column == "memory_p95"
        if column == "percentiles_ns":
            got, right = got.explode(), right.explode()
        if column.startswith(("slower", "above")):
            continue  # estimates, see the test of changes
        if is_percentile or column in SUMS:
            assert got.astype("float64").tolist() == pytest.approx(
                right.astype("float64").tolist(), rel=0.010_000_1 if is_percentile else 1e-9, nan_ok=True
            ), column
        else:
            assert got.tolist() == right.tolist(), column


def test_the_engine_answers_long_windows_from_rollups_unless_exact_answers_are_wanted(
    rolled_path: Path, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_paths, "ROLLUP_ROWS", 500)
    with Engine(rolled_path, pool=pool) as engine:
        answer = overview.summary(engine, ALL)
        assert (answer.attrs["way"], answer.attrs["approximate"]) == ("rollup", True)
        answer = overview.processes(engine, ALL)
        assert (answer.attrs["way"], answer.attrs["approximate"]) == ("rollup", False)
        answer = overview.summary(engine, ALL, exact=True)
        assert (answer.attrs["way"], answer.attrs["approximate"]) == ("archive", False)
        short = Window(START_NS, START_NS + 2 * HOUR)
        assert overview.summary(engine, short).attrs["way"] == "archive"
        before = overview.summary(engine, ALL)
        append(rolled_path, mixed(7, start_ns=START_NS + 2_000 * 371 * SECOND, first=6_000))
        after = overview.summary(engine, ALL)  # from what the worker kept, and the new rows
        assert after.attrs["way"] == "rollup"
        assert int(after["calls"].iloc[0]) == int(before["calls"].iloc[0]) + 5


def test_changes_from_rollups_are_notable_where_the_exact_ones_are(
    tmp_path: Path, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = np.random.default_rng(5)
    rows = []
    for number in range(4_000):
        is_later = number >= 2_000
        factor = {"m.same": 1.0, "m.slower": 1.4 if is_later else 1.0, "m.steps": 1.0}
        for name, slowed in factor.items():
            duration = 5e6 if name == "m.steps" else 1e6 * slowed * np.exp(chance.normal(0, 0.8))
            time_ns = START_NS + number * 30 * SECOND
            rows.append(Row("call", "p", name, time_ns, process_group="g", function=name, duration_ns=int(duration)))
    path = append(tmp_path / "x.db", rows)
    seal(path)
    monkeypatch.setattr(access_paths, "ROLLUP_ROWS", 500)
    middle = START_NS + 2_000 * 30 * SECOND
    window = Window(middle, middle + 2_000 * 30 * SECOND)
    with Engine(path, pool=pool) as engine:
        answer = functions.changes(engine, window).set_index("function")
        exact = functions.changes(engine, window, exact=True).set_index("function")
        for name, slower in (("m.same", False), ("m.slower", True), ("m.steps", False)):
            rolled, read = (
                inspector.measures(engine, window, function=name, exact=is_exact) for is_exact in (False, True)
            )
            assert (rolled.attrs["way"], rolled.attrs["approximate"], read.attrs["way"]) == ("rollup", True, "archive")
            for share in ("p50", "p95"):
                assert rolled[f"{share}_notable"].tolist() == read[f"{share}_notable"].tolist() == [slower] * 2
            if name != "m.steps":
                for column in ("above_p50", "above_p95", "above_p99"):
                    assert rolled[column].tolist() == pytest.approx(read[column].tolist(), abs=0.01 * 2_000)
    assert (answer.attrs["way"], answer.attrs["approximate"], exact.attrs["way"]) == ("rollup", True, "archive")
    assert answer["notable"].to_dict() == {"m.same": False, "m.slower": True, "m.steps": False}
    assert exact["notable"].to_dict() == answer["notable"].to_dict()
    for column in ("slower", "slower_before"):
        assert answer[column].to_dict() == pytest.approx(exact[column].to_dict(), abs=0.005 * 2_000)

"""Every access path gives the same answer, also in the known edge cases of DuckDB's SQLite scanner."""

from pathlib import Path

import pytest
from pandas import DataFrame
from pandas.testing import assert_frame_equal

from benchmarks.logs import multiplied
from obs_core.clock import HOUR, SECOND, Window
from obs_core.model import Row
from obs_core.query.engine import dataframes, long_cells, planner
from obs_core.query.engine.engine import Engine
from obs_core.query.engine.sql_file import names, parsed, sql_file
from obs_core.query.engine.worker_pool import Pool
from obs_core.store import log, sqlite
from tests.support import table

START = table.START_NS
ALL = Window(0, 2**63 - 1)
COUNTED = parsed(
    "test/counted",
    """\
-- Answers: how many calls there are, and what their numbers and texts are.
-- Reach: analytical
-- Parameters: group VARCHAR (null: all)
-- Reads: calls(id, timestamp, duration_ns, data, data_value)
-- Returns: calls BIGINT
SELECT count(*) AS calls, max(id) AS newest, max(timestamp) AS last, sum(duration_ns)::BIGINT AS spent,
    max(data) AS data, max(length(data_value)) AS longest
FROM calls
""",
)
WAYS = {"scan": (1.0, False), "sqlite_query": (0.0, False), "sqlite_query in hex": (0.0, True)}


def stored(path: Path, rows: list[Row]) -> Path:
    connection = log.open_log(path, synchronous="OFF")
    with sqlite.transaction(connection):
        log.append(connection, rows)
    connection.close()
    return path


def by_way(pool: Pool, path: Path, window: Window, way: str, group: str | None = None) -> DataFrame:
    share, repaired = WAYS[way]
    with Engine(path, pool=pool) as engine:
        shape = engine.shape()
    plan = planner.plan(COUNTED, shape, window, {"group": group}, share=share, limit=None, repaired=repaired)
    assert plan.way == way
    request = {"log": str(path), "statement": plan.statement, "parameters": plan.parameters}
    return dataframes.from_arrow(pool.answer(request))


def calls(count: int) -> list[Row]:
    return [
        Row("call", "p", "f", START + number, process_group=f"g{number % 3}", duration_ns=number)
        for number in range(count)
    ]


@pytest.mark.parametrize("count", [122_879, 122_880, 122_881])
def test_the_newest_row_is_never_lost(tmp_path: Path, pool: Pool, count: int) -> None:
    path = stored(tmp_path / "x.db", calls(count))
    expected = [count, count, START + count - 1, count * (count - 1) // 2]
    for way in WAYS:
        answer = by_way(pool, path, ALL, way)
        assert answer[["calls", "newest", "last", "spent"]].iloc[0].tolist() == expected, way


@pytest.mark.parametrize("way", WAYS)
def test_a_window_includes_its_start_and_excludes_its_end(tmp_path: Path, pool: Pool, way: str) -> None:
    path = stored(tmp_path / "x.db", calls(10))
    assert by_way(pool, path, Window(START + 3, START + 7), way).loc[0, "calls"] == 4
    assert by_way(pool, path, Window(START + 3, START + 7), way, group="g0").loc[0, "calls"] == 2
    assert by_way(pool, path, Window(START + 7, START + 3), way).loc[0, "calls"] == 0


@pytest.mark.parametrize("way", WAYS)
def test_numbers_at_the_ends_of_64_bits_stay_exact(tmp_path: Path, pool: Pool, way: str) -> None:
    path = stored(tmp_path / "x.db", [Row("call", "p", "f", 2**63 - 2, duration_ns=-(2**63))])
    answer = by_way(pool, path, ALL, way)
    assert answer[["last", "spent"]].iloc[0].tolist() == [2**63 - 2, -(2**63)]


@pytest.mark.parametrize("way", WAYS)
def test_long_cells_and_embedded_nuls_survive(tmp_path: Path, pool: Pool, way: str) -> None:
    path = stored(tmp_path / "x.db", [Row("call", "p", "a\0b'\"$x", START, data_value="x" * long_cells.ANALYSED)])
    answer = by_way(pool, path, ALL, way)
    assert answer[["data", "longest"]].iloc[0].tolist() == ["a\0b'\"$x", long_cells.ANALYSED]


@pytest.mark.parametrize("beginning", ["x", "\0"])
@pytest.mark.parametrize("way", WAYS)
def test_longer_cells_are_cut_where_sqlite_reads_them(tmp_path: Path, pool: Pool, way: str, beginning: str) -> None:
    text = beginning + "é" * 50_000
    path = stored(tmp_path / "x.db", [Row("call", "p", "f", START, data_value=text)])
    longest = int(by_way(pool, path, ALL, way)["longest"].iloc[0])
    cut = long_cells.CUT_AT if beginning == "x" else 0
    assert longest == (len(text) if way == "scan" else cut + len("… [100001 bytes in all]"))


def mixed() -> list[Row]:
    """Rows of all sorts, in which every column has something to say."""
    return [
            Row(
                "value" if number % 5 == 0 else "call",
                f"p{number % 4}", f"f{number % 7}", START + number * SECOND,
                process_group=f"g{number % 3}", data_value=str(number // 40),
                data_type=None if number % 9 == 0 else "int",
                status="ERROR" if number % 11 == 0 else "OK", exception="E: x" if number % 11 == 0 else None,
                trace_id=f"t{number // 9}", span_id=f"s{number}", parent_span_id=f"s{number - 1}",
                function=f"m.f{number % 7}", duration_ns=number * 1000, code_id=1,
            )
            for number in range(600)
        ]  # fmt: skip


NAMES: dict[str, object] = {"group": None, "search": None, "size": 1000}
MIDDLE = Window(START + 50 * SECOND, START + 500 * SECOND)
GIVEN = {
    "search": "F",
    "plain": "f3",
    "hex": "6633",
    "split_ns": START + 300 * SECOND,
    "first": START // (60 * SECOND),
    "step_ns": 60 * SECOND,
    "buckets": 10,
    "size": 50,
    "longer_than": 2,
    "by_data": True,
    "processes": ["p0", "p1"],
    "names": ["f0", "f5"],
    "texts": ["10.0", "7"],
    "groups": ["", "g_"],
    "functions": ["", "m.%"],
    "shares": [0.5, 0.95],
}


def test_every_access_path_gives_the_same_answer(tmp_path: Path, pool: Pool) -> None:
    path = stored(tmp_path / "x.db", mixed())
    for name in names():
        file = sql_file(name)
        if file.reach != "analytical":
            continue
        parameters: dict[str, object] = {text: GIVEN.get(text) for text in file.parameters} | {"group": "g0"}
        answers = []
        for share, repaired in WAYS.values():
            with Engine(path, pool=pool) as engine:
                shape = engine.shape()
            plan = planner.plan(file, shape, MIDDLE, parameters, share=share, limit=1000, repaired=repaired)
            request: dict[str, object] = {"log": str(path), "statement": plan.statement, "parameters": plan.parameters}
            answers.append(dataframes.from_arrow(pool.answer(request)))
        with Engine(path, pool=pool) as engine:
            version = engine.version()
        if (mirrored := planner.mirrored(file, shape, MIDDLE, parameters, None)) is not None:
            request = {"statement": mirrored.statement, "parameters": mirrored.parameters, "mirror_at": version}
            answers.append(dataframes.from_arrow(pool.answer({"log": str(path), **request})))
        for other in answers[1:]:
            assert_frame_equal(answers[0], other, check_exact=False, rtol=1e-12, obj=name)


def test_text_that_is_not_utf_8_is_shown_with_replacement_characters(tmp_path: Path, pool: Pool) -> None:
    path = stored(tmp_path / "x.db", [Row("call", "p", "bad", START), Row("call", "p", "Zürich", START + 1)])
    writer = sqlite.connect(path, write=True)
    writer.execute(
        "UPDATE data_trace SET process_group = CAST(x'67ff' AS TEXT), data = CAST(x'62c3' AS TEXT) WHERE id = 1"
    )
    writer.close()
    with Engine(path, pool=pool) as engine:
        for _ in range(2):
            answer = engine.analyse("functions/names", ALL, NAMES)
            assert dict(zip(answer["function"], answer["process_group"], strict=True)) == {
                "b\ufffd": "g\ufffd",
                "Zürich": None,
            }
            assert answer.attrs["way"] == "sqlite_query in hex"
        assert engine.analyse("overview/summary", ALL, {"group": None})["calls"].tolist() == [2]


def test_every_access_path_gives_the_same_answer_about_recorded_traces(tmp_path: Path, pool: Pool) -> None:
    path = multiplied(tmp_path / "x.db", 5_000, START)
    window = Window(START - 24 * HOUR + 5 * SECOND, START - 24 * HOUR + 40 * SECOND)
    given = GIVEN | {"first": window.from_ns // (4 * SECOND), "step_ns": 4 * SECOND, "search": "e"}
    with Engine(path, pool=pool) as engine:
        shape = engine.shape()
    for name in ("overview/summary", "overview/throughput", "functions/names", "functions/performance"):
        file = sql_file(name)
        parameters: dict[str, object] = {text: given.get(text) for text in file.parameters}
        answers = []
        for share, repaired in WAYS.values():
            plan = planner.plan(file, shape, window, parameters, share=share, limit=None, repaired=repaired)
            request: dict[str, object] = {"log": str(path), "statement": plan.statement, "parameters": plan.parameters}
            answers.append(dataframes.from_arrow(pool.answer(request)))
        with Engine(path, pool=pool) as engine:
            version = engine.version()
        if (mirrored := planner.mirrored(file, shape, window, parameters, None)) is not None:
            request = {"statement": mirrored.statement, "parameters": mirrored.parameters, "mirror_at": version}
            answers.append(dataframes.from_arrow(pool.answer({"log": str(path), **request})))
        assert len(answers[0])
        for other in answers[1:]:
            assert_frame_equal(answers[0], other, check_exact=False, rtol=1e-12, obj=name)


def test_invalid_text_in_any_column_is_answered_like_replaced_text(tmp_path: Path, pool: Pool) -> None:
    damaged, repaired = (stored(tmp_path / name, mixed()) for name in ("damaged.db", "repaired.db"))
    columns = ["process", "process_group", "function", "data", "data_type", "data_value", "exception", "attributes"]
    for path, tail in ((damaged, "x'c3bcff00c3'"), (repaired, "'ü�' || char(0) || '�'")):
        writer = sqlite.connect(path, write=True)
        for column in columns:
            writer.execute(f"UPDATE data_trace SET {column} = {column} || CAST({tail} AS TEXT) WHERE id % 7 = 1")
        writer.close()
    with Engine(damaged, pool=pool) as bad, Engine(repaired, pool=pool) as good:
        for name in names():
            file = sql_file(name)
            parameters: dict[str, object] = {text: GIVEN.get(text) for text in file.parameters}
            if file.reach == "analytical":
                answer, expected = (engine.analyse(name, MIDDLE, parameters) for engine in (bad, good))
                assert_frame_equal(answer, expected, check_exact=False, rtol=1e-12, obj=name)


def test_invalid_text_slows_only_the_windows_that_contain_it(tmp_path: Path, pool: Pool) -> None:
    path = stored(tmp_path / "x.db", calls(1_000))
    writer = sqlite.connect(path, write=True)
    writer.execute("UPDATE data_trace SET data = CAST(x'ff' AS TEXT) WHERE id = 1")
    writer.close()
    windows = (Window(START, START + 100), Window(START + 50, START + 999), Window(START + 100, START + 999))
    with Engine(path, pool=pool) as engine:
        ways = [engine.analyse("functions/names", window, NAMES).attrs["way"] for window in windows]
    assert ways == ["sqlite_query in hex", "sqlite_query in hex", "scan"]


def test_a_foreign_log_with_cells_of_the_wrong_type_answers(tmp_path: Path, pool: Pool) -> None:
    path = tmp_path / "foreign.db"
    connection = sqlite.connect(path, create=True)
    connection.execute(
        "CREATE TABLE data_trace (Process TEXT, Data TEXT, [Data Type] TEXT, [Data Value] REAL, Timestamp REAL,"
        " Status TEXT, Exception TEXT, duration_ms REAL)"
    )
    rows = [
        ("p", "f", "float", 1.5, 1767225600.0, "OK", None, 2.0),
        ("p", "f", "float", "a text", "no time", "OK", None, "slow"),
        ("p", "f", "float", None, 1767225601.0, "ERROR", "E: x", "slow"),
        ("p", "f", "float", None, 1767225601.0, "OK", None, 1e300),
        (b"\x00\xff", 7, None, b"\x01", 1767225602.0, None, None, float("inf")),
    ]
    connection.executemany("INSERT INTO data_trace VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
    connection.close()
    with Engine(path, pool=pool) as engine:
        answer = engine.analyse("overview/summary", ALL, {"group": None})
        assert answer[["calls", "errors"]].iloc[0].tolist() == [4, 1]
        assert answer.loc[0, "p99_ms"] == pytest.approx(2.0)
        assert engine.extent() == Window(START, START + 2 * SECOND + 1)
        assert len(engine.analyse("functions/names", ALL, NAMES)) == 2


def test_an_answer_is_truncated_at_the_cap_and_says_so(tmp_path: Path, pool: Pool) -> None:
    rows = [Row("call", "p", f"f{number}", START + number) for number in range(30)]
    path = stored(tmp_path / "x.db", rows)
    for cap, count, truncated in ((20, 20, True), (30, 30, False), (None, 30, False)):
        with Engine(path, pool=pool, row_cap=cap) as engine:
            answer = engine.analyse("functions/names", ALL, NAMES)
            assert (len(answer), answer.attrs["truncated"], answer.attrs["approximate"]) == (count, truncated, False)


def test_the_plain_scan_is_used_if_the_window_is_most_of_the_log(tmp_path: Path, pool: Pool) -> None:
    path = stored(tmp_path / "x.db", calls(1_000))
    with Engine(path, pool=pool) as engine:
        ways = {
            count: engine.analyse("overview/summary", Window(START, START + count), {"group": None}).attrs["way"]
            for count in (0, 10, 900)
        }
    assert ways == {0: "sqlite_query", 10: "sqlite_query", 900: "scan"}

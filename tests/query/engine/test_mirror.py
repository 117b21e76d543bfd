"""The mirror has the same rows as the log after every kind of change."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from obs_core.clock import Window
from obs_core.model import Row
from obs_core.query.engine import mirror
from obs_core.query.engine.engine import Engine
from obs_core.query.engine.worker import IDLE_S
from obs_core.query.engine.worker_pool import Pool
from obs_core.query.questions import functions, overview, values
from obs_core.store import log, sqlite
from tests.support import table

ALL = Window(0, 2**63 - 1)
START = table.START_NS


def added(path: Path, *rows: Row) -> None:
    connection = log.open_log(path)
    with sqlite.transaction(connection):
        log.append(connection, rows)
    connection.close()


def changed(path: Path, *statements: str) -> None:
    connection = sqlite.connect(path, write=True)
    for statement in statements:
        connection.execute(statement)
    connection.close()


def call(number: int, duration_ns: int | None = 1000, process: str = "p") -> Row:
    name, trace = f"f{number % 3}", f"{number:032x}"
    return Row("call", process, name, START + number, trace_id=trace, span_id=f"{number:016x}", duration_ns=duration_ns)


def counted(engine: Engine) -> tuple[int, int]:
    """How many calls and traces there are, of the mirror."""
    answer = overview.summary(engine, ALL)
    assert answer.attrs["way"] == "mirror"
    return int(answer["calls"].iloc[0]), int(answer["traces"].iloc[0])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A log of ten calls."""
    added(tmp_path / "trace.db", *(call(number) for number in range(10)))
    return tmp_path / "trace.db"


@pytest.fixture
def mirrored(path: Path, pool: Pool) -> Iterator[Engine]:
    """An engine that mirrors the log and has counted its calls."""
    with Engine(path, pool=pool, mirror=True) as engine:
        assert counted(engine) == (10, 10)
        yield engine


def test_new_rows_are_in_the_next_answer(mirrored: Engine, path: Path) -> None:
    for number in range(10, 14):
        added(path, call(number))
        assert counted(mirrored) == (number + 1, number + 1)


def test_a_completed_call_counts_once(mirrored: Engine, path: Path) -> None:
    added(path, call(20, duration_ns=None))
    assert counted(mirrored) == (11, 11)
    added(path, call(20, duration_ns=7_000_000))
    assert counted(mirrored) == (11, 11)
    answer = functions.performance(mirrored, ALL, by="data").set_index("data")
    assert overview.summary(mirrored, ALL).loc[0, "p99_ms"] == pytest.approx(answer["max_ms"].max(), rel=0.2)
    added(path, call(21))
    assert counted(mirrored) == (12, 12)


@pytest.mark.parametrize(
    ("statement", "left"),
    [
        ("DELETE FROM data_trace WHERE id <= 4", 6),
        ("DELETE FROM data_trace WHERE id > 4", 4),
        ("DELETE FROM data_trace", 0),
        ("UPDATE data_trace SET id = id + 100, timestamp = timestamp + 1", 10),
    ],
)
def test_rows_deleted_at_either_end_are_missing_from_the_next_answer(
    mirrored: Engine, path: Path, statement: str, left: int
) -> None:
    changed(path, statement)
    assert counted(mirrored)[0] == left
    added(path, call(30))
    assert counted(mirrored)[0] == left + 1


def test_rows_deleted_in_the_middle_are_detected_while_idle(mirrored: Engine, path: Path) -> None:
    changed(path, "DELETE FROM data_trace WHERE id BETWEEN 4 AND 6")
    end = time.monotonic() + 20
    while counted(mirrored)[0] != 7 and time.monotonic() < end:
        time.sleep(IDLE_S * 3)
    assert counted(mirrored) == (7, 7)


def test_replaced_rows_in_the_same_file_are_read_again(mirrored: Engine, path: Path) -> None:
    changed(path, "DELETE FROM data_trace")
    added(path, *(call(number + 50, process="q") for number in range(12)))
    assert counted(mirrored) == (12, 12)
    assert overview.processes(mirrored, ALL)["process"].tolist() == ["q"]


def test_another_file_at_the_same_path_is_another_log(mirrored: Engine, path: Path, tmp_path: Path) -> None:
    added(tmp_path / "other.db", call(1), call(2))
    for file in tmp_path.glob("trace.db*"):
        file.unlink()
    (tmp_path / "other.db").rename(path)
    assert counted(mirrored) == (2, 2)


def test_a_log_that_grows_too_much_for_one_question_is_read_while_idle(tmp_path: Path, pool: Pool) -> None:
    path = tmp_path / "long.db"
    connection = log.open_log(path, synchronous="OFF")
    rows = mirror.AT_ONCE + 1
    with sqlite.transaction(connection):
        log.append(connection, [Row("call", "p", "f", START + number) for number in range(rows)])
    connection.close()
    with Engine(path, pool=pool, mirror=True) as engine:
        answer = overview.summary(engine, ALL)
        assert (answer.loc[0, "calls"], answer.attrs["way"]) == (rows, "scan")
        end = time.monotonic() + 60
        while overview.summary(engine, ALL).attrs["way"] != "mirror" and time.monotonic() < end:
            time.sleep(IDLE_S * 3)
        assert counted(engine)[0] == rows


def test_the_mirror_has_the_same_streaks_as_the_log(tmp_path: Path, pool: Pool) -> None:
    path = tmp_path / "trace.db"
    texts = ["1.5"] * 7 + ["2"] * 3 + ["x" * 9 + "…"] * 8
    kinds = ["float"] * 10 + ["str"] * 8
    rows = [
        Row("value", "p", "v", START + index, data_type=kind, data_value=text, attributes='{"obs.value.hash": "ab"}')
        for index, (text, kind) in enumerate(zip(texts, kinds, strict=True))
    ]
    added(path, *rows)
    with Engine(path, pool=pool, mirror=True) as engine:
        answer = values.streaks(engine, ALL)
    assert answer.attrs["way"] == "mirror"
    assert answer["length"].tolist() == [7, 8]


def test_text_that_is_not_utf_8_is_read_without_the_mirror(mirrored: Engine, path: Path) -> None:
    added(path, call(40))
    changed(path, "UPDATE data_trace SET process = CAST(x'62c3' AS TEXT) WHERE id = 11")
    added(path, call(41))
    assert overview.processes(mirrored, ALL)["process"].tolist() == ["b\ufffd", "p"]
    assert overview.summary(mirrored, ALL)["calls"].tolist() == [12]

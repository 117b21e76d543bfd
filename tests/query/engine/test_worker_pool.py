"""Workers: stopped at their time limit, replaced when they die, never orphaned, never blocking a checkpoint."""

import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from pandas.testing import assert_frame_equal

from obs_core.clock import Window
from obs_core.errors import BadParameter, LogMissing, QuestionTimedOut, SetupBroken, WorkersBusy
from obs_core.model import Row
from obs_core.query.engine import protocol
from obs_core.query.engine.engine import Engine
from obs_core.query.engine.worker import PARTIAL_ENTRIES, PARTIALS
from obs_core.query.engine.worker_pool import Pool, QueryFailed, Worker, WorkerDied
from obs_core.query.questions import values
from obs_core.store import sqlite
from tests.support import archives, table

IN_DUCKDB = "SELECT sum(a.range * b.range) FROM range(1000000) a, range(1000000) b"
IN_SQLITE = (
    "SELECT * FROM sqlite_query('log', 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
    " SELECT count(*) FROM n')"
)
COUNT = "SELECT count(*) AS n FROM log.data_trace"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    table.store(tmp_path / "trace.db", table.rows("0 feed price 101 OK"))
    return tmp_path / "trace.db"


@pytest.fixture
def short_pool() -> Iterator[Pool]:
    workers = Pool(1, memory_mb=256, limit_s=0.5, wait_s=0.2)
    yield workers
    workers.close()


@pytest.fixture
def long_pool() -> Iterator[Pool]:
    workers = Pool(1, memory_mb=256, limit_s=20)
    yield workers
    workers.close()


def workers_of(pool: Pool) -> list[Worker]:
    """The workers of this pool alone: others of the same process belong to other tests."""
    return [worker for worker in pool._slots.queue if worker]


def kill_workers(pool: Pool) -> None:
    for worker in workers_of(pool):
        os.kill(worker.pid, signal.SIGKILL)
        os.waitid(os.P_PID, worker.pid, os.WEXITED | os.WNOWAIT)  # dead, and not yet known to be


def request(path: Path, statement: str) -> dict[str, object]:
    return {"log": str(path), "statement": statement, "parameters": {}}


@pytest.mark.parametrize("statement", [IN_DUCKDB, IN_SQLITE])
def test_an_endless_query_is_stopped_at_its_time_limit_and_the_next_one_answers(
    path: Path, short_pool: Pool, statement: str
) -> None:
    with pytest.raises(QuestionTimedOut, match=r"longer than 0\.5 s"):
        short_pool.answer(request(path, statement))
    assert short_pool.answer(request(path, COUNT)).to_pylist() == [{"n": 1}]


def test_a_request_that_waits_too_long_for_a_worker_is_an_error(path: Path, short_pool: Pool) -> None:
    short_pool.answer(request(path, COUNT))

    def without_end() -> None:
        with pytest.raises(QuestionTimedOut):
            short_pool.answer(request(path, IN_DUCKDB))

    busy = threading.Thread(target=without_end)
    busy.start()
    time.sleep(0.1)
    with pytest.raises(WorkersBusy, match=r"busy for 0\.2 s"):
        short_pool.answer(request(path, COUNT))
    busy.join()


def test_an_idle_worker_that_is_killed_is_replaced_silently(path: Path, short_pool: Pool) -> None:
    short_pool.answer(request(path, COUNT))
    kill_workers(short_pool)
    assert short_pool.answer(request(path, COUNT)).to_pylist() == [{"n": 1}]


def test_a_busy_worker_that_is_killed_is_an_error_and_is_replaced(path: Path, long_pool: Pool) -> None:
    long_pool.answer(request(path, COUNT))
    [worker] = workers_of(long_pool)
    killer = threading.Timer(0.5, os.kill, (worker.pid, signal.SIGKILL))
    killer.start()
    with pytest.raises(WorkerDied, match="exited with code -9"):
        long_pool.answer(request(path, IN_DUCKDB))
    killer.join()
    assert long_pool.answer(request(path, COUNT)).to_pylist() == [{"n": 1}]


def test_an_error_of_duckdb_fails_only_the_query(path: Path, short_pool: Pool) -> None:
    with pytest.raises(QueryFailed, match="not found"):
        short_pool.answer(request(path, "SELECT nothing FROM log.data_trace"))
    assert short_pool.answer(request(path, COUNT)).to_pylist() == [{"n": 1}]


def test_a_worker_reads_the_file_that_is_now_at_the_path(path: Path, short_pool: Pool, tmp_path: Path) -> None:
    assert short_pool.answer(request(path, COUNT)).to_pylist() == [{"n": 1}]
    table.store(tmp_path / "new.db", table.rows("0 feed price 1 OK\n1 feed price 2 OK"))
    (tmp_path / "new.db").replace(path)
    assert short_pool.answer(request(path, COUNT)).to_pylist() == [{"n": 2}]


def test_rows_committed_later_are_in_the_next_answer(path: Path, short_pool: Pool) -> None:
    assert short_pool.answer(request(path, COUNT)).to_pylist() == [{"n": 1}]
    table.store(path, table.rows("1 feed price 2 OK"))
    assert short_pool.answer(request(path, COUNT)).to_pylist() == [{"n": 2}]


def test_no_query_blocks_a_later_checkpoint(path: Path, short_pool: Pool) -> None:
    short_pool.answer(request(path, COUNT))
    short_pool.answer(request(path, "SELECT * FROM sqlite_query('log', 'SELECT * FROM data_trace')"))
    writer = sqlite.connect(path, write=True)
    writer.execute("INSERT INTO superseded VALUES (1)")
    busy, left, moved = writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    writer.close()
    assert (busy, left, moved) == (0, 0, 0)


def test_a_worker_has_no_file_of_streamlit_open_and_writes_no_file_next_to_the_log(
    path: Path, short_pool: Pool
) -> None:
    short_pool.answer(request(path, COUNT))
    assert {file.name.removeprefix(path.name) for file in path.parent.iterdir()} <= {"", "-wal", "-shm"}


def test_a_worker_exits_when_its_parent_is_killed(path: Path) -> None:
    parent = (
        "import sys, time; from obs_core.query.engine.worker_pool import Pool; pool = Pool(1, memory_mb=64, limit_s=9);"
        f"pool.answer({request(path, COUNT)!r}); print('asked', flush=True); time.sleep(60)"
    )
    running = subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True)
    assert running.stdout
    assert running.stdout.readline() == "asked\n"
    [worker] = [
        child for child in psutil.Process(running.pid).children() if "obs_core.query.engine.worker" in child.cmdline()
    ]
    os.kill(running.pid, 9)
    running.wait()
    running.stdout.close()
    gone, alive = psutil.wait_procs([worker], timeout=10)
    assert (len(gone), alive) == (1, [])


@pytest.mark.parametrize("statement", [IN_DUCKDB, IN_SQLITE])
def test_a_worker_with_an_endless_query_exits_with_its_parent(path: Path, statement: str) -> None:
    worker = Worker(64)
    worker.answer(request(path, COUNT), 20)
    process = psutil.Process(worker.pid)
    before = process.cpu_times().user
    for part in protocol.message(request(path, statement)):
        worker._input.write(part)
    end = time.monotonic() + 30
    while process.cpu_times().user < before + 0.5 and time.monotonic() < end:
        time.sleep(0.05)
    assert worker._process.stdout
    assert not select.select([worker._process.stdout.fileno()], [], [], 0)[0]  # it is still at it
    worker._input.close()
    assert worker._process.wait(20) == 0
    worker.kill()


def test_a_worker_leaves_ctrl_c_to_its_parent(path: Path) -> None:
    worker = Worker(64)
    worker.answer(request(path, COUNT), 20)
    os.kill(worker.pid, signal.SIGINT)
    assert worker.answer(request(path, COUNT), 20).to_pylist() == [{"n": 1}]
    worker.kill()


def test_a_worker_imports_nothing_from_its_working_directory(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "duckdb.py").write_text("raise SystemExit('the wrong duckdb')")
    monkeypatch.chdir(tmp_path)
    worker = Worker(64)
    assert worker.answer(request(path, COUNT), 20).to_pylist() == [{"n": 1}]
    worker.kill()


def test_a_scanner_with_another_version_than_duckdb_is_an_error(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "duckdb_extension_sqlite_scanner").mkdir()
    (tmp_path / "duckdb_extension_sqlite_scanner" / "__init__.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    worker = Worker(64)
    with pytest.raises(SetupBroken, match="its SQLite scanner has another version") as broken:
        worker.answer(request(path, COUNT), 20)
    assert "requirements.txt" in broken.value.hint
    worker.kill()


def test_a_query_is_repeated_once_if_its_worker_is_killed(path: Path, long_pool: Pool) -> None:
    with Engine(path, pool=long_pool) as engine:
        extent = engine.extent()
        assert extent
        engine.analyse("overview/groups", extent, {"group": None})
        [worker] = workers_of(long_pool)
        os.kill(worker.pid, signal.SIGSTOP)  # it takes the question and never answers
        killer = threading.Timer(0.3, os.kill, (worker.pid, signal.SIGKILL))
        killer.start()
        answer = engine.analyse("overview/groups", extent, {"group": None})
        killer.join()
        assert (len(answer), answer.attrs["way"]) == (1, "sqlite_query in hex")
        assert engine.analyse("overview/groups", extent, {"group": None}).attrs["way"] == "scan"


def test_a_query_over_the_memory_limit_says_so(path: Path) -> None:
    hungry = Pool(1, memory_mb=16, limit_s=20)
    with pytest.raises(QueryFailed, match="Out of Memory"):
        hungry.answer(request(path, "SELECT list(a.range::VARCHAR) FROM range(3000000) a"))
    assert hungry.answer(request(path, COUNT)).to_pylist() == [{"n": 1}]
    hungry.close()


def test_streaks_that_do_not_fit_into_memory_are_found_in_parts(tmp_path: Path, long_pool: Pool) -> None:
    rows = [
        Row(
            "value", f"p{number % 50}", "x", 10**18 + number, data_type="str", data_value="y" * 100 + str(number // 150)
        )
        for number in range(30_000)
    ]
    path = archives.append(tmp_path / "values.db", rows)
    small = Pool(1, memory_mb=16, limit_s=20)
    answers = []
    for workers in (long_pool, small):
        with Engine(path, pool=workers) as engine:
            answers.append(values.streaks(engine, Window(0, 2**62), threshold=2))
    small.close()
    assert len(answers[0]) == 10_000  # three equal readings at a time
    assert_frame_equal(answers[0], answers[1])


def test_an_invalid_parameter_is_not_blamed_on_the_log(path: Path, long_pool: Pool) -> None:
    with Engine(path, pool=long_pool) as engine:
        extent = engine.extent()
        assert extent
        with pytest.raises(BadParameter):
            engine.analyse("overview/summary", extent, {"group": "\udcff"})
        assert engine.analyse("overview/summary", extent, {"group": None}).attrs["way"] == "scan"


def test_an_engine_says_that_the_log_is_missing(tmp_path: Path, pool: Pool) -> None:
    table.store(tmp_path / "x.db", table.rows("0 feed price 101 OK"))
    with Engine(tmp_path / "x.db", pool=pool) as engine:
        extent = engine.extent()
        assert extent
        for file in tmp_path.iterdir():
            file.unlink()
        with pytest.raises(LogMissing, match="No trace log"):
            engine.analyse("overview/summary", extent, {"group": None})


def test_a_worker_keeps_the_partial_answers_that_were_needed_last(path: Path, long_pool: Pool) -> None:
    def asked(name: str, value: int, entries: int = 1) -> int:
        request = {
            "log": str(path),
            "statement": f"SELECT n FROM {name} WHERE $group > 0",
            "parameters": {"group": value},
        }
        answer = long_pool.answer(
            request | {"partials": {name: f"SELECT $group::BIGINT AS n, range({entries}) AS keys"}}
        )
        return int(answer["n"][0].as_py())

    assert [asked("first", 1), asked("first", 2), asked("second", 3)] == [1, 1, 3]
    for number in range(1, PARTIALS):
        asked(f"other_{number}", number)
    assert [asked("second", 4), asked("first", 5)] == [3, 5]
    assert [asked("large", 6, PARTIAL_ENTRIES), asked("first", 7), asked("large", 8)] == [6, 7, 8]

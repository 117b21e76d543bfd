"""Rows of logs reach the shared lake: each once, equal to the log's, whatever happens to the sealers."""

import signal
import time
from pathlib import Path

from obs_core.model import Code, ProcessRun, Row
from obs_core.store import log as store
from obs_core.store import sqlite
from tests.support.archives import append, logged, mixed, statement
from tests.support.lakes import SHIFT, Shared, finish, insert_bytes


def test_two_hosts_write_their_rows_code_and_runs(shared: Shared, tmp_path: Path) -> None:
    logs = [append(tmp_path / name / "x.db", mixed(400, first=first)) for name, first in (("a", 0), ("b", 1_000))]
    for log in logs:
        connection = store.open_log(log)
        with sqlite.transaction(connection):
            code = store.code_id(connection, Code("m.f1", "m.py", 3, "def f1(): ...", "aa", None, 5))
            run = store.run_id(connection, ProcessRun("p1", "g", 7, "h", "1", None, 5))
            store.append(connection, [Row("call", "p1", "x", 9, code_id=code, run_id=run)])
        connection.close()
    children = [shared.start("obs_core.lake.sealer", str(log), "--batch-rows", "90") for log in logs]
    for child in children:
        assert [line["action"] for line in finish(child)] == ["written"] * 5
    numbers = dict(shared.rows("SELECT log, writer FROM lake.writer"))
    assert sorted(numbers.values()) == [1, 2]
    for log in logs:
        writer = numbers[str(log)]
        assert shared.written(writer) == logged(log, 401)
        joined = (
            'SELECT c."function", c.file, c.line, r.process, r.pid FROM lake.rows AS t'
            " JOIN lake.code AS c ON c.id = t.code_id JOIN lake.run AS r ON r.id = t.run_id"
        )
        assert shared.rows(f"{joined} WHERE t.writer = {writer}") == [("m.f1", "m.py", 3, "p1", 7)]
    assert shared.rows("SELECT min(id) // 1099511627776, max(id) // 1099511627776 FROM lake.rows") == [(1, 2)]
    assert SHIFT == 1_099_511_627_776


def test_new_rows_are_written_and_the_rest_waits_until_it_is_settled(shared: Shared, tmp_path: Path) -> None:
    log = append(tmp_path / "x.db", mixed(100))
    shared.write(log, "--settled-id", "60", "--settled-ns", "5")
    assert shared.counts() == (60, 60, 60)
    assert shared.rows("SELECT complete_ns, newest_id FROM lake.mark_1") == [(5, 100)]
    append(log, mixed(50, first=100))
    shared.write(log, "--settled-id", "150", "--settled-ns", "9")
    assert shared.written() == logged(log, 150)
    assert shared.write(log, "--settled-id", "150", "--settled-ns", "9") == []


def test_rows_superseded_after_they_were_written_are_deleted(shared: Shared, tmp_path: Path) -> None:
    log = append(tmp_path / "x.db", mixed(200))
    statement(log, "DELETE FROM data_trace WHERE id = 7")
    statement(log, "INSERT INTO superseded VALUES (7)")
    shared.write(log)
    for row_id in (8, 90, 91):
        statement(log, f"DELETE FROM data_trace WHERE id = {row_id}")
        statement(log, f"INSERT INTO superseded VALUES ({row_id})")
    append(log, mixed(10, first=200))
    assert {"action": "deleted", "rows": 3, "until_id": 210, "newest_id": 210} in shared.write(log)
    assert shared.written() == logged(log, 210)
    assert len(shared.written()) == 206


def test_a_newest_row_that_is_superseded_does_not_stop_it(shared: Shared, tmp_path: Path) -> None:
    log = append(tmp_path / "x.db", mixed(20))
    statement(log, "DELETE FROM data_trace WHERE id IN (18, 19)")
    statement(log, "INSERT INTO superseded VALUES (18), (19)")
    shared.write(log, "--settled-id", "19", "--settled-ns", "3")
    assert shared.until_id() == 19
    shared.write(log)
    assert shared.written() == logged(log, 20)


def test_sealers_that_are_killed_lose_and_double_no_row(shared: Shared, tmp_path: Path) -> None:
    log = append(tmp_path / "x.db", mixed(3_000))
    for steps in range(1, 6):
        child = shared.start("obs_core.lake.sealer", str(log), "--batch-rows", "100")
        assert child.stdout
        for _ in range(steps):
            child.stdout.readline()
        time.sleep(0.02 * steps)  # somewhere in the next step
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        rows, distinct, mark = shared.counts()
        assert rows == distinct == mark > 0
    shared.write(log)
    assert shared.written() == logged(log, 3_000)
    orphans = shared.files() - shared.named_files()
    done = shared.upkeep()
    assert done["files of killed processes deleted"] == len(orphans)
    shared.upkeep()  # deletes the files that the first one merged
    assert shared.files() == shared.named_files()
    assert shared.written() == logged(log, 3_000)


def test_three_sealers_of_one_log_write_each_row_once(shared: Shared, tmp_path: Path) -> None:
    log = append(tmp_path / "x.db", mixed(2_000))
    children = [shared.start("obs_core.lake.sealer", str(log), "--batch-rows", "100") for _ in range(3)]
    rows = sum(line["rows"] for child in children for line in finish(child) if line["action"] == "written")
    assert rows == 2_000
    assert shared.written() == logged(log, 2_000)
    assert shared.rows("SELECT count(*) FROM lake.writer") == [(1,)]


def test_text_that_is_not_utf8_nul_and_long_cells_are_written(shared: Shared, tmp_path: Path) -> None:
    long = "long é " * 7_000_000  # 56 MB as UTF-8
    log = append(tmp_path / "x.db", [*mixed(30), Row("value", "p", "d", 5, data_value=long), *mixed(5, first=50)])
    insert_bytes(log, "data", b"caf\xe9\xff", 10)
    insert_bytes(log, "exception", b"\x00a\x00", 11)
    shared.write(log)
    expected = {10: "caf\ufffd\ufffd", 11: statement(log, "SELECT data FROM data_trace WHERE id = 11")[0][0]}
    written = {row["id"]: row for row in shared.written()}
    assert len(written) == 36
    assert {row_id: written[row_id]["data"] for row_id in expected} == expected
    assert written[11]["exception"] == "\0a\0"
    assert written[31]["data_value"] == long
    assert [written[n]["data"] for n in (1, 2, 3, 4)] == [row.data for row in mixed(4)]


def test_another_log_at_the_same_path_gets_a_number_of_its_own(shared: Shared, tmp_path: Path) -> None:
    log = append(tmp_path / "x.db", mixed(50))
    shared.write(log)
    for file in tmp_path.glob("x.db*"):
        if file.is_file():
            file.unlink()
    append(log, mixed(80, first=500))
    shared.write(log)
    assert shared.counts(1) == (50, 50, 50)
    assert shared.written(2) == logged(log, 80)


def test_a_log_whose_older_rows_were_deleted_continues(shared: Shared, tmp_path: Path) -> None:
    log = append(tmp_path / "x.db", mixed(50))
    shared.write(log)
    append(log, mixed(10, first=50))
    statement(log, "DELETE FROM data_trace WHERE id <= 55")
    shared.write(log)
    assert shared.counts(1) == (55, 55, 60)
    assert shared.rows("SELECT count(*) FROM lake.writer") == [(1,)]


def test_a_column_that_a_later_version_knows_is_added(shared: Shared, tmp_path: Path) -> None:
    log = append(tmp_path / "x.db", mixed(40))
    shared.write(log, "--settled-id", "20")
    with shared.lake() as lake:
        lake.execute("ALTER TABLE lake.rows DROP COLUMN memory_delta")  # as before the version that measured memory
        lake.execute("ALTER TABLE lake.rows ADD COLUMN colour VARCHAR")  # as after one that is still to come
    shared.write(log)
    expected = [{**row, "memory_delta": None if row["id"] <= 20 else row["memory_delta"]} for row in logged(log, 40)]
    assert shared.written() == expected

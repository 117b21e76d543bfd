"""The guard against two SQLite libraries in one file and process, and the reason for it."""

import gc
import subprocess
import sys
from pathlib import Path

import pytest

from obs_core.errors import SecondSqliteLibrary
from obs_core.store import sqlite

WRITER = """
import sqlite3, sys
other = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=0.2)
try:
    other.execute("BEGIN IMMEDIATE")
    other.execute("INSERT INTO t VALUES ('from another process')")
    other.execute("COMMIT")
    print("got in")
except sqlite3.OperationalError as error:
    print(error)
"""

WITHOUT_THE_GUARD = """
import sqlite3, subprocess, sys
from obs_core.query.engine.worker import Reader
ours = sqlite3.connect(sys.argv[1], isolation_level=None)
ours.execute("BEGIN IMMEDIATE")
ours.execute("INSERT INTO t VALUES ('ours')")
if sys.argv[2] == "with DuckDB":
    Reader(64).answer("SELECT count(*) FROM log.t", {}, log=sys.argv[1])
print(subprocess.run([sys.executable, "-c", sys.argv[3], sys.argv[1]], capture_output=True, text=True).stdout.strip())
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "t.db"
    connection = sqlite.connect(path, write=True, create=True)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE t (v TEXT)")
    connection.close()
    return path


def test_duckdb_is_rejected_while_sqlite3_has_the_file_open(file: Path) -> None:
    connection = sqlite.connect(file)
    with pytest.raises(SecondSqliteLibrary, match="open through sqlite3 in this process") as error:
        sqlite.Claim(file, "duckdb")
    assert "rows are lost" in error.value.hint
    connection.close()
    sqlite.Claim(file, "duckdb").release()


def test_sqlite3_is_rejected_while_duckdb_has_the_file_open(file: Path) -> None:
    claim = sqlite.Claim(file, "duckdb")
    with pytest.raises(SecondSqliteLibrary, match="open through duckdb in this process"):
        sqlite.connect(file)
    claim.release()
    sqlite.connect(file).close()


def test_a_link_to_the_file_is_the_same_file(file: Path, tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to(file)
    connection = sqlite.connect(file)
    with pytest.raises(SecondSqliteLibrary):
        sqlite.Claim(tmp_path / "link.db", "duckdb")
    connection.close()


def test_every_open_connection_reserves_the_file(file: Path) -> None:
    first, second = sqlite.connect(file), sqlite.connect(file)
    first.close()
    first.close()
    with pytest.raises(SecondSqliteLibrary):
        sqlite.Claim(file, "duckdb")
    second.close()
    sqlite.Claim(file, "duckdb").release()


def test_a_garbage_collected_connection_releases_the_file(file: Path) -> None:
    connection = sqlite.connect(file)
    with pytest.raises(SecondSqliteLibrary):
        sqlite.Claim(file, "duckdb")
    del connection
    gc.collect()
    claim = sqlite.Claim(file, "duckdb")
    with pytest.raises(SecondSqliteLibrary):
        sqlite.connect(file)
    claim.release()


@pytest.mark.parametrize(("libraries", "output"), [("sqlite3 alone", "database is locked"), ("with DuckDB", "got in")])
def test_without_the_guard_a_second_writer_gets_into_an_open_transaction(
    file: Path, libraries: str, output: str
) -> None:
    command = [sys.executable, "-c", WITHOUT_THE_GUARD, str(file), libraries, WRITER]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == output, done.stderr

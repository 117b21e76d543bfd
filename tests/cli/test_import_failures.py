"""An import that can't write its log: a sentence, exit code 2, files whole or not at all, and a second try works."""

import ctypes
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from obs_core.store import log as store
from obs_core.store import sqlite
from tests.support.data import series_file, trace_file, trace_files

FILES = [
    series_file("dev_pecos_simple.csv"),
    *trace_files("trainticket-1min", "otlp_json"),
    trace_file("otel-demo", "traces_only.jsonl"),
]


def run(*files: Path, log: Path, before: Callable[[], None] | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "obs_core", "import", *map(str, files), "--log", str(log)]
    return subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=before)


def counts(log: Path) -> tuple[int, int]:
    """How many rows the log has, and how many files without ids it knows."""
    connection = sqlite.connect(log)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    tables = ("data_trace", "imported")
    rows, files = (connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables)
    connection.close()
    return rows, files


def fails_in_a_sentence(done: subprocess.CompletedProcess[str], log: Path) -> str:
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert str(log) in done.stderr
    return done.stderr


@pytest.fixture(scope="module")
def sizes(tmp_path_factory: pytest.TempPathFactory) -> list[int]:
    """The rows of the log after each file, if nothing fails."""
    log = tmp_path_factory.mktemp("whole") / "trace.db"
    result = []
    for file in FILES:
        assert run(file, log=log).returncode == 0
        result.append(counts(log)[0])
    return result


@pytest.mark.parametrize("kilobytes", [4, 50, 150, 400, 700, 1_000])
def test_on_a_full_disk_each_file_is_whole_or_not_there_and_a_second_import_completes(
    tmp_path: Path, sizes: list[int], kilobytes: int
) -> None:
    log = tmp_path / "trace.db"

    def full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (kilobytes << 10, kilobytes << 10))

    done = run(*FILES, log=log, before=full)
    fails_in_a_sentence(done, log)
    if kilobytes > 100:  # below, there is no room for the schema
        rows, files = counts(log)
        assert rows in [0, *sizes[:-1]]
        assert files == (1 if rows else 0)
        assert done.stdout.count(" rows read, ") == ([0, *sizes].index(rows))
    again = run(*FILES, log=log)
    assert (again.returncode, again.stderr) == (0, "")
    assert counts(log) == (sizes[-1], 1)


def test_a_locked_log_is_reported_and_left_alone(tmp_path: Path) -> None:
    log = tmp_path / "trace.db"
    lock = store.open_log(log)
    lock.execute("BEGIN IMMEDIATE")
    assert "is locked by another program" in fails_in_a_sentence(run(FILES[0], log=log), log)
    lock.rollback()
    lock.close()
    assert counts(log) == (0, 0)
    assert run(FILES[0], log=log).returncode == 0


def test_a_read_only_log_is_reported(tmp_path: Path) -> None:
    def as_anybody() -> None:
        if os.geteuid() == 0:  # root may write every file, unless it gives that right up (PR_CAPBSET_DROP)
            assert ctypes.CDLL(None).prctl(24, 1, 0, 0, 0) == 0

    log = tmp_path / "trace.db"
    store.open_log(log).close()
    log.chmod(0o444)
    assert "is read-only" in fails_in_a_sentence(run(FILES[0], log=log, before=as_anybody), log)
    assert counts(log) == (0, 0)


def test_a_killed_import_leaves_whole_files(tmp_path: Path, sizes: list[int]) -> None:
    log = tmp_path / "trace.db"
    command = [sys.executable, "-m", "obs_core", "import", *map(str, FILES), "--log", str(log)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        program.stdout.read(1)
        program.send_signal(signal.SIGKILL)
    rows, _ = counts(log)
    assert rows in [0, *sizes]
    assert run(*FILES, log=log).returncode == 0
    assert counts(log) == (sizes[-1], 1)


def test_a_missing_file_does_not_stop_the_others(tmp_path: Path) -> None:
    log = tmp_path / "trace.db"
    done = run(tmp_path / "none.json", FILES[0], log=log)
    assert done.returncode == 2
    assert "none.json does not exist" in done.stderr
    assert counts(log)[0] > 0


def test_the_log_itself_is_not_imported(tmp_path: Path) -> None:
    log = tmp_path / "trace.db"
    assert run(FILES[0], log=log).returncode == 0
    assert "is the log itself" in fails_in_a_sentence(run(log, log=log), log)
    assert run(tmp_path, FILES[0], log=log).returncode == 0


def test_a_pipe_is_refused_with_a_way_to_read_it(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    done = run(pipe, log=tmp_path / "trace.db")
    assert done.returncode == 2
    assert "not a regular file" in done.stderr
    assert "standard input" in done.stderr


def test_standard_input_that_fills_the_disk_is_reported(tmp_path: Path) -> None:
    def full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))

    command = [sys.executable, "-m", "obs_core", "import", "-", "--log", str(tmp_path / "trace.db")]
    text = FILES[1].read_bytes()
    done = subprocess.run(command, input=text, capture_output=True, check=False, preexec_fn=full)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1

"""`python -m obs_core export`, as a user meets it."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from pyarrow import parquet

from obs_core.export.registry import FORMATS
from obs_core.ingest.files import import_file
from obs_core.store import log as store
from tests.support.data import series_file, trace_file


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of recorded traces, log records and a series."""
    path = tmp_path_factory.mktemp("export") / "trace.db"
    connection = store.open_log(path)
    for file in (
        trace_file("otel-demo", "traces_only.jsonl"),
        trace_file("otel-demo", "logs_only.jsonl"),
        series_file("dev_pecos_simple.csv"),
    ):
        import_file(connection, file, now=0)
    connection.close()
    return path


def run(command: str, *arguments: object) -> subprocess.CompletedProcess[bytes]:
    texts = [sys.executable, "-m", "obs_core", command, *map(str, arguments)]
    return subprocess.run(texts, capture_output=True, check=False, timeout=60)


@pytest.mark.parametrize("form", ["otlp", "csv"])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_what_is_exported_is_imported_whole(recorded: Path, tmp_path: Path, form: str, suffix: str) -> None:
    file = tmp_path / f"rows.{form}{suffix}"
    done = run("export", "--log", recorded, "--format", form, "--output", file)
    assert (done.returncode, done.stdout) == (0, b"")
    assert b"954 rows exported" in done.stderr
    assert [result.name for result in tmp_path.iterdir()] == [file.name]
    again = run("import", file, "--log", tmp_path / "x.db")
    assert b"954 rows read, 954 stored" in again.stdout


def test_jaeger_s_file_says_what_it_can_t_hold(recorded: Path, tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    done = run("export", "--log", recorded, "--format", "jaeger", "--output", file)
    assert b"left out: no exported call has them" in done.stderr
    assert sum(len(trace["spans"]) for trace in json.loads(file.read_bytes())["data"]) == 547


def test_a_filter_and_a_window_choose_rows_and_standard_output_takes_them(recorded: Path) -> None:
    done = run("export", "--log", recorded, "--format", "csv", "--errors", "--kind", "call")
    assert done.returncode == 0
    assert b"107 rows exported" in done.stderr
    assert done.stdout.startswith(b"Process,Data,Data Type,Data Value,Timestamp,Status,Exception,")
    done = run("export", "--log", recorded, "--format", "csv", "--min-ms", 5, "--data-type", "none such")
    assert b"\n0 rows exported" in b"\n" + done.stderr
    done = run("export", "--log", recorded, "--format", "csv", "--kind", "call", "--min-ms", 0)
    assert b"547 rows exported" in done.stderr
    done = run("export", "--log", recorded, "--format", "otlp", "--from", "now-1h")
    assert (done.stdout, done.stderr) == (b"", b"0 rows exported\n")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--format", "otlp", "--raw"), "--raw belongs to --format csv"),
        (("--format", "csv", "--from", "2026-02-01", "--to", "2026-01-01"), "ends before it starts"),
        (("--format", "csv", "--from", "soon"), "is not a time"),
        (("--format", "csv", "--kind", "odd"), "kind is"),
        (("--format", "csv", "--output", "/no/such/folder/x.csv"), "can't be written"),
    ],
)
def test_what_can_t_be_done_ends_with_2_and_a_sentence(recorded: Path, arguments: tuple[str, ...], says: str) -> None:
    done = run("export", "--log", recorded, *arguments)
    assert done.returncode == 2
    assert says in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()


def test_a_failed_export_leaves_the_file_that_was_there(recorded: Path, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("before")
    assert run("export", "--log", recorded, "--format", "csv", "--kind", "odd", "--output", file).returncode == 2
    assert file.read_text() == "before"
    assert len(list(tmp_path.iterdir())) == 1
    missing = run("export", "--log", tmp_path / "none.db", "--format", "csv", "--output", file)
    assert (missing.returncode, file.read_text()) == (2, "before")


@pytest.mark.parametrize("name", FORMATS)
def test_standard_output_takes_the_same_bytes_as_a_file(recorded: Path, tmp_path: Path, name: str) -> None:
    file = tmp_path / "rows"
    run("export", "--log", recorded, "--format", name, "--output", file)
    done = run("export", "--log", recorded, "--format", name)
    assert (done.returncode, done.stdout) == (0, file.read_bytes())


def test_parquet_keeps_every_row_and_is_not_written_to_a_terminal(recorded: Path, tmp_path: Path) -> None:
    file = tmp_path / "rows.parquet"
    assert b"954 rows exported" in run("export", "--log", recorded, "--format", "parquet", "--output", file).stderr
    assert parquet.read_metadata(file).num_rows == 954
    keyboard, terminal = os.openpty()
    command = [sys.executable, "-m", "obs_core", "export", "--log", str(recorded), "--format", "parquet"]
    done = subprocess.run(command, stdout=terminal, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    os.close(terminal)
    os.close(keyboard)
    assert done.returncode == 2
    assert "Parquet is not text for a terminal. Name a file with --output." in done.stderr


def test_packed_output_is_gzip(recorded: Path, tmp_path: Path) -> None:
    run("export", "--log", recorded, "--format", "csv", "--output", tmp_path / "a.csv.gz")
    run("export", "--log", recorded, "--format", "csv", "--output", tmp_path / "a.csv")
    assert gzip.decompress((tmp_path / "a.csv.gz").read_bytes()) == (tmp_path / "a.csv").read_bytes()

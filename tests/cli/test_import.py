"""`python -m obs_core import`, as a user meets it."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.data import series_file, trace_file


def run(*arguments: object, log: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "obs_core", "import", *map(str, arguments), "--log", str(log)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_every_file_is_reported_with_its_counts_and_the_log(tmp_path: Path) -> None:
    files = trace_file("otel-demo", "traces_only.jsonl"), series_file("dev_pecos_simple.csv")
    first = run(*files, log=tmp_path / "x.db")
    assert first.returncode == 0, first.stderr
    assert "547 rows read, 547 stored, 0 already there, 0 refused" in first.stdout
    assert "2 files: 931 rows read, 931 stored" in first.stdout
    assert f"The log is {tmp_path / 'x.db'}" in first.stdout
    second = run(*files, log=tmp_path / "x.db")
    assert "2 files: 931 rows read, 0 stored, 931 already there, 0 refused" in second.stdout
    third = run("--again", files[1], log=tmp_path / "x.db")
    assert "384 rows read, 384 stored" in third.stdout


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "does not exist"),
        ("", "is empty"),
        ('{"resourceSpans": [', "line 1 is not complete JSON"),
        ("Process,Data\n", "line 1 has no column"),
    ],
)
def test_a_bad_file_ends_with_2_a_sentence_that_names_it_and_no_traceback(
    tmp_path: Path, content: str | None, says: str
) -> None:
    file = tmp_path / "bad.json"
    if content is not None:
        file.write_text(content)
    done = run(file, log=tmp_path / "x.db")
    assert done.returncode == 2
    assert str(file) in done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_an_empty_directory_is_refused_before_a_log_is_made(tmp_path: Path) -> None:
    done = run(tmp_path, log=tmp_path / "x.db")
    assert (done.returncode, list(tmp_path.iterdir())) == (2, [])


def test_a_directory_is_read_whole_and_what_is_no_trace_in_it_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "folder" / "deeper"
    folder.mkdir(parents=True)
    (folder / "spec.json").write_bytes(trace_file("otlp-spec", "trace.json").read_bytes())
    (folder / "notes.txt").write_text("no trace")
    done = run(folder.parent, log=tmp_path / "x.db")
    assert done.returncode == 0
    assert "spec.json: 1 rows read, 1 stored" in done.stdout
    assert "1 files, 1 not imported: 1 rows read" in done.stdout
    assert "notes.txt: line 1 has no column" in done.stderr


def test_a_broken_file_ends_with_2_and_keeps_none_of_the_others_out(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"resourceSpans": [')
    done = run(tmp_path / "a.json", trace_file("otlp-spec", "trace.json"), log=tmp_path / "x.db")
    assert done.returncode == 2
    assert "a.json: line 1 is not complete JSON" in done.stderr
    assert "trace.json: 1 rows read, 1 stored" in done.stdout


def test_selected_attributes_become_values(tmp_path: Path) -> None:
    done = run(trace_file("otlp-spec", "trace.json"), "--values", "my.span.attr, other", log=tmp_path / "x.db")
    assert "2 rows read, 2 stored" in done.stdout
    connection = sqlite3.connect(tmp_path / "x.db")
    result = connection.execute("SELECT kind, data, data_value FROM data_trace ORDER BY id").fetchall()
    connection.close()
    assert result == [("call", "I'm a server span", None), ("value", "my.span.attr", "some value")]


def test_a_log_that_is_no_log_is_refused_untouched(tmp_path: Path) -> None:
    books, notes = tmp_path / "books.db", tmp_path / "notes.db"
    connection = sqlite3.connect(books)
    connection.execute("CREATE TABLE books (title)")
    connection.close()
    notes.write_text("these are notes, not rows. " * 100)
    before = books.read_bytes(), notes.read_bytes()
    for log, says in ((books, "was made by another program"), (notes, "is not a SQLite database")):
        done = run(trace_file("otlp-spec", "trace.json"), log=log)
        assert done.returncode == 2
        assert says in done.stderr
    assert (books.read_bytes(), notes.read_bytes()) == before

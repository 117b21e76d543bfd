"""The one door for errors: a sentence, a documented exit code, nothing half done, a traceback only with OBS_DEBUG=1."""

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from obs_core.cli import unexpected
from obs_core.cli.main import EXIT_CODES, main
from obs_core.model import Row
from tests.support import table

ROOT: Final = Path(__file__).parents[2]
SMALL: Final = 400_000  # bytes that a file may have on the "full" disk


def run(
    *arguments: str, before: Callable[[], None] | None = None, out: str | None = None, **settings: str
) -> "subprocess.CompletedProcess[str]":
    """A command in a process of its own."""
    with Path(out or os.devnull).open("w") as output:
        return subprocess.run(
            [sys.executable, "-m", "obs_core", *arguments],
            env={**os.environ, "PYTHONPATH": str(ROOT), **settings},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
            timeout=90,
            check=False,
            preexec_fn=before,
        )


def full_disk() -> None:
    """No file may grow beyond `SMALL` bytes."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL, SMALL))


def log_of(path: Path, rows: int) -> Path:
    """A log with as many rows of 500 characters."""
    table.store(
        path, [Row("value", "web", "v", table.START_NS + number, data_value="x" * 500) for number in range(rows)]
    )
    return path


def test_a_full_disk_stops_an_export_and_leaves_nothing(tmp_path: Path) -> None:
    log, output = log_of(tmp_path / "trace.db", 2_000), tmp_path / "out.csv"
    ended = run("export", "--format", "csv", "--raw", "--log", str(log), "--output", str(output), before=full_disk)
    assert ended.returncode == 2
    assert "can't be written: File too large" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert [file.name for file in tmp_path.iterdir() if "out" in file.name] == []


@pytest.mark.parametrize("arguments", [("export", "--format", "csv"), ("ask", "traces.page", "--from", "first")])
def test_a_full_disk_behind_standard_output_is_reported(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    log = log_of(tmp_path / "trace.db", 50)
    ended = run(*arguments, "--log", str(log), out="/dev/full")
    assert ended.returncode == 2
    assert "No space left on device. Free some space" in ended.stderr
    assert "Exception ignored" not in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_full_disk_stops_an_import_as_a_whole(tmp_path: Path) -> None:
    other = log_of(tmp_path / "other.db", 2_000)
    file = tmp_path / "rows.csv"
    assert main(["export", "--format", "csv", "--log", str(other), "--output", str(file)]) == 0
    log = log_of(tmp_path / "trace.db", 3)
    ended = run("import", "--log", str(log), str(file), before=full_disk)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    assert ended.stderr.strip()
    out = tmp_path / "left.csv"
    assert main(["export", "--format", "csv", "--log", str(log), "--output", str(out)]) == 0
    assert out.read_text().count("\n") == 3 + 1


def test_a_reader_that_leaves_ends_the_command_quietly(tmp_path: Path) -> None:
    log = log_of(tmp_path / "trace.db", 5_000)
    command = [sys.executable, "-m", "obs_core", "export", "--format", "csv", "--log", str(log)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.read(10)
        process.stdout.close()
        said = process.stderr.read()
    assert process.returncode == 2
    assert said == b""


def test_a_file_that_may_not_be_read_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = log_of(tmp_path / "trace.db", 3)
    log.chmod(0)
    if os.access(log, os.R_OK):
        pytest.skip("this user may read every file")
    assert main(["ask", "overview.summary", "--log", str(log)]) == 2
    assert "Check the file" in capsys.readouterr().err


def test_a_fault_of_ours_is_one_sentence_and_a_traceback_on_request(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails() -> None:
        raise RuntimeError("two\nlines " + "x" * 10_000)

    monkeypatch.setattr("obs_core.cli.main._run", lambda _: fails())
    assert main(["ask"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("Unexpected error: RuntimeError: two lines xxx")
    assert said.count("\n") == 1
    assert len(said) < 700
    monkeypatch.setenv("OBS_DEBUG", "1")
    assert main(["ask"]) == 2
    assert "Traceback (most recent call last)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(28, "No space left on device", "/x/y"), "/x/y: No space left on device. Free some space on the disk"),
        (PermissionError(13, "Permission denied", "f"), "f: Permission denied. Check who may use the file"),
        (OSError(9999, "Odd"), "Odd. Run the command with OBS_DEBUG=1"),
        (OSError("no number"), "Unexpected error: OSError: no number."),
        (MemoryError(), "There is not enough memory."),
        (RecursionError("deep"), "Unexpected error: RecursionError: deep."),
        (ValueError(), "Unexpected error: ValueError. Run"),
        (RuntimeError("database or disk is full"), "The disk is full. Free some space"),
    ],
)
def test_sentences_say_what_to_do(error: Exception, said: str) -> None:
    assert unexpected.sentence(error).startswith(said)


def test_text_that_the_terminal_does_not_have_is_escaped(tmp_path: Path) -> None:
    log = log_of(tmp_path / "trace.db", 1)
    ended = run("rules", "add", "näme", "stale", "--log", str(log), PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert (ended.returncode, ended.stderr) == (0, "")


def test_the_exit_codes_are_documented() -> None:
    text = (ROOT / "docs" / "settings.md").read_text("utf-8")
    assert [code for code in EXIT_CODES if f"| `{code}` |" not in text] == []
    assert "`OBS_DEBUG=1`" in text

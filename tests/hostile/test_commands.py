"""Every command on every hostile log and with hostile arguments: a documented exit code, and a sentence at most."""

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from obs_core.cli.main import COMMANDS, EXIT_CODES, main
from obs_core.export.registry import FORMATS
from obs_core.query.questions import catalog
from tests.hostile import logs

ROOT: Final = Path(__file__).parents[2]
REQUIRED: Final = {
    "function": "web.load",
    "trace_id": "circle",
    "span_id": "a",
    "process": "p",
    "data": "d",
    "id": "1",
    "duration_ns": "5",
}
TRACES: Final = ROOT / "tests/data/traces/ddtrace/tests.contrib.graphql.test_graphql.test_graphql_error.json.gz"
SOME: Final = ("overview.summary", "traces.page", "values.streaks", "writers.status")
WHOLE: Final = ("--from", "first", "--to", "last")
HOSTILE: Final[tuple[tuple[str, ...], ...]] = (
    (),
    ("nothing",),
    ("ask",),
    ("ask", "nothing.like"),
    ("ask", "a\0b"),
    ("ask", "overview.summary", "--from", "9999-99-99"),
    ("ask", "overview.summary", "--from", "now", "--to", "now-1h"),
    ("ask", "overview.summary", "--from", "now-" + "9" * 400 + "d"),
    ("ask", "overview.summary", "--limit", "9" * 100),
    ("ask", "overview.summary", "--limit", "-1"),
    ("ask", "overview.summary", "--timeout", "nan"),
    ("ask", "overview.summary", "--timeout", "inf"),
    ("ask", "overview.summary", "--timeout", "-1"),
    ("ask", "overview.summary", "--timeout", "1e300"),
    ("ask", "overview.summary", "--param", "="),
    ("ask", "overview.summary", "--param", "group=\udcff"),
    ("ask", "traces.page", "--param", "size=" + "9" * 40),
    ("ask", "traces.page", "--param", "search=" + "\udc80" * 5),
    ("ask", "traces.page", "--param", "where=a=(" * 50),
    ("ask", "functions.trends", "--param", "percentiles=nan"),
    ("ask", "functions.history", "--param", "bucket=0s"),
    ("export",),
    ("export", "--format", "xml"),
    ("export", "--format", "csv", "--status", "ODD"),
    ("export", "--format", "csv", "--kind", "odd"),
    ("export", "--format", "csv", "--min-duration", "nan"),
    ("export", "--format", "otlp", "--raw"),
    ("export", "--format", "csv", "--output", "/nowhere/at/all.csv"),
    ("export", "--format", "csv", "--output", "/"),
    ("export", "--format", "csv", "--output", "x" * 300),
    ("export", "--format", "csv", "--output", "a\0b"),
    ("export", "--format", "csv", "--output", "/dev/full"),
    ("import",),
    ("import", "/nowhere/at/all"),
    ("import", "/dev/null"),
    ("import", "a\0b"),
    ("import", "x" * 5_000),
    ("import", "--values", ",,\0", "/etc/hostname"),
    ("drain", "--live", "extra"),
    ("rules", "add", "n", "no kind"),
    ("rules", "add", "n", "stale", "threshold"),
    ("rules", "add", "n", "stale", "threshold=" + "9" * 400),
    ("rules", "add", "\0", "stale"),
    ("rules", "add", "", "stale"),
    ("rules", "add", "x" * 100_000, "stale"),
    ("rules", "test", "nothing"),
    ("rules", "test", "n", "stale", "--from", "soon"),
    ("rules", "remove", "nothing"),
    ("webhooks", "add", "n", "file:///etc/passwd"),
    ("webhooks", "add", "n", "http://[::1"),
    ("webhooks", "add", "\udcff", "http://x"),
    ("webhooks", "add", "n", "http://x", "--group-wait", "nan"),
    ("webhooks", "add", "n", "http://x", "--label", "x"),
    ("webhooks", "add", "n", "http://x", "--max-alerts", "9" * 40),
    ("webhooks", "test", "nothing"),
    ("webhooks", "remove", "nothing"),
    ("webhooks", "log", "--limit", "-5"),
    ("webhooks", "log", "--limit", "9" * 40),
    ("ingest", "--port", "70000"),
    ("ingest", "--port", "-1"),
    ("ingest", "--host", "no such host"),
    ("ingest", "--host", "\0"),
    ("forward", "--once"),
    ("forward", "--once", "--log", "a\0b"),
    ("lake",),
    ("lake", "nothing"),
    ("lake", "write"),
    ("lake", "write", "--log", "a\0b"),
    ("lake", "status"),
    ("lake", "upkeep"),
    ("watch", "--tick", "nan"),
    ("watch", "--tick", "-1"),
    ("watch", "--tick", "inf"),
    ("demo", "--seconds", "nan"),
    ("demo", "--seconds", "-1"),
    ("demo", "--seconds", "x"),
    ("serve", "--port", "70000"),
    ("serve", "--port", "x"),
    ("serve", "--host", "\0"),
    ("serve", "--host", "0.0.0.0"),
    ("backup",),
    ("backup", "/nowhere/at/all.tar"),
    ("backup", "/"),
    ("backup", "x" * 300),
    ("restore", "/nowhere/at/all.tar"),
    ("restore", "/dev/null"),
    ("restore", "/etc/hostname"),
    ("compare-logs", "--from", "soon"),
    ("compare-logs", "--status", "ODD"),
    ("doctor", "--log", "x" * 5_000),
)
"""Arguments that no person would type on purpose; none of these commands may start to serve or to follow."""

PATHS: Final = ("a\0b", "x" * 5_000, "/proc/self/mem", "/dev/null", "/dev/full", "/", "", "~", "\udcff")
"""Paths of logs that can't be logs."""


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current directory, so that nothing is written elsewhere."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OBS_LOG", str(tmp_path / "trace.db"))
    monkeypatch.delenv("OBS_DEBUG", raising=False)
    return tmp_path


def ran(capsys: pytest.CaptureFixture[str], *arguments: str) -> Ended:
    """The end of a command that runs in this process."""
    try:
        code = main(arguments)
    except SystemExit as leaving:  # argparse
        code = int(leaving.code or 0)
    return Ended(code, *capsys.readouterr())


def started(*arguments: str, **settings: str) -> Ended:
    """The end of a command that runs in a process of its own."""
    command = [sys.executable, "-m", "obs_core", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", **settings}
    process = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=90, check=False
    )
    return Ended(process.returncode, process.stdout.decode(errors="replace"), process.stderr.decode(errors="replace"))


def wrong(ended: Ended) -> str:
    """What a command must never do; empty if it did none of it."""
    if ended.code not in EXIT_CODES:
        return f"exit code {ended.code}: {ended.err}"
    if "Traceback" in ended.err or "Unexpected error" in ended.err:
        return ended.err
    return "" if ended.code in (0, 1) or ended.err.strip() else "an error without a sentence"


def commands(log: Path, questions: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """Every command that reads or writes a log and ends by itself, with arguments that are right."""
    for number, name in enumerate(questions):
        question = catalog.QUESTIONS[name]
        needed = [name for name, parameter in question.parameters.items() if parameter.default is parameter.empty]
        parameters = [f"--param={name}={REQUIRED.get(name, 'x')}" for name in needed]
        yield ("ask", name, *parameters, *WHOLE, "--format", ("json", "csv", "table")[number % 3])
    for name in FORMATS:
        yield ("export", "--format", name, "--output", str(log.with_name(f"out.{name}")))
    yield ("export", "--format", "csv", "--raw", "--status", "ERROR", "--output", str(log.with_name("errors.csv.gz")))
    yield from (("drain",), ("drain", "--live"))
    yield ("rules", "add", "n", "stale", "threshold=3")
    yield from (("rules", "list"), ("rules", "test", "n", "--from", "first"), ("rules", "remove", "n"))
    yield ("webhooks", "add", "n", "http://127.0.0.1:9/x")
    yield from (("webhooks", "list", "--json"), ("webhooks", "log"), ("webhooks", "remove", "n"))
    yield ("import", str(TRACES))
    yield from (("archive", action) for action in ("status", "verify"))
    yield from (("prune", "--dry-run"), ("verify",), ("doctor", "--json"), ("compare-logs",))
    copy = str(log.with_name("copy.tar"))
    yield from (("backup", copy), ("restore", copy, "--log", str(log.with_name("restored.db"))))


@pytest.mark.slow
@pytest.mark.parametrize("kind", logs.LOGS)
def test_no_command_fails_on_a_hostile_log(folder: Path, capsys: pytest.CaptureFixture[str], kind: str) -> None:
    log = folder / "trace.db"
    logs.LOGS[kind](log)
    questions = catalog.QUESTIONS if kind in logs.WITH_ROWS else SOME
    ended = {" ".join(command): wrong(ran(capsys, *command)) for command in commands(log, questions)}
    assert {command: found for command, found in ended.items() if found} == {}
    assert not list(folder.glob(".*.part"))


@pytest.mark.parametrize("arguments", HOSTILE, ids=lambda arguments: ascii(" ".join(arguments)[:60]))
def test_hostile_arguments_get_a_sentence(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    logs.foreign_cells(folder / "trace.db")
    in_process = arguments[:1] not in (("ingest",), ("watch",), ("demo",)) or "\0" in "".join(arguments)
    ended = ran(capsys, *arguments) if in_process else started(*arguments)
    assert wrong(ended) == ""


@pytest.mark.parametrize("log", PATHS, ids=lambda path: ascii(path[:30]))
def test_paths_that_can_not_be_logs_get_a_sentence(capsys: pytest.CaptureFixture[str], log: str) -> None:
    for arguments in (
        *(("ask", "overview.summary"), ("export", "--format", "csv"), ("drain",), ("rules", "list")),
        *(("webhooks", "list"), ("import", str(ROOT / "pyproject.toml"))),
    ):
        assert wrong(ran(capsys, *arguments, "--log", log)) == "", arguments


def test_every_command_is_run_here() -> None:
    names = {arguments[0] for arguments in (*HOSTILE, *commands(Path("x"), SOME)) if arguments}
    assert names >= COMMANDS.keys()

"""What people see of forwarding: on the Overview, in `doctor` and on the command line."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from obs_core.cli.checks import forwarding as check
from obs_core.cli.main import main
from obs_core.clock import MINUTE, SECOND, now_ns
from obs_core.forward import status_file
from obs_core.forward.status_file import Signal, Status
from obs_core.settings import from_environment
from obs_core.supervisor import status_file as children
from obs_core.supervisor import supervisor
from obs_core.supervisor.state import Child
from tests.forward.conftest import TIMEOUT_S, calls, collector, eventually
from tests.pages.conftest import Opened, log_path, opened, page_text
from tests.support import table

__all__ = ["log_path", "opened"]
NOW = 1_767_225_600 * SECOND
IDLE = Signal("traces", 0, "", 0, 0, 0, 0, 0, 0, 0, 0, "", 0)


def status(**changes: object) -> Status:
    return Status("collector:4318", (replace(IDLE, **changes),))  # type: ignore[arg-type] # fields of the test


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (status(), "Forwarding to collector:4318: waiting for rows, nothing sent yet."),
        (
            status(behind=1204, last_sent_ns=NOW - 3 * SECOND),
            "Forwarding to collector:4318: 1,204 rows behind, last sent 3 s ago.",
        ),
        (
            status(behind=5, last_sent_ns=NOW - 3 * MINUTE, error="It answered 503.", until_ns=NOW + 12 * SECOND),
            (
            "Forwarding to collector:4318: 5 rows behind, last sent 3 min ago. "
            "Traces: It answered 503. Next attempt in 12 s."
            ),
        ),
        (
            status(last_sent_ns=NOW + SECOND, refused=1, rejected=2, lost=4, refusal="It refused.", refusal_ns=NOW - 9),
            (
            "Forwarding to collector:4318: all rows sent, last sent 0 s ago. "
            "3 rows were not accepted in all; the last time: It refused. "
            "4 rows were deleted before forwarding (OBS_FORWARD_HOLD)."
            ),
        ),
        (
            status(last_sent_ns=NOW, refused=1, unreadable=1, refusal="It refused.", refusal_ns=NOW - 48 * 60 * MINUTE),
            (
            "Forwarding to collector:4318: all rows sent, last sent 0 s ago. "
            "1 row was not accepted in all. 1 row was skipped as unreadable."
            ),
        ),
    ],
)  # fmt: skip
def test_the_status_is_said_in_sentences(shown: Status, text: str) -> None:
    assert shown.text(NOW) == text


def test_the_status_of_a_process_that_has_ended_is_not_shown(tmp_path: Path) -> None:
    log = tmp_path / "x.db"
    status_file.write(log, status(behind=7))
    assert status_file.read(log) == status(behind=7)
    path = tmp_path / "x.db.d" / status_file.NAME
    path.write_text(path.read_text().replace(f'"pid": {os.getpid()}', '"pid": 999999999'))
    assert status_file.read(log) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"pid": 1, "birth": 0, "endpoint": "x", "signals": 5}'])
def test_a_damaged_status_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.db.d").mkdir()
    (tmp_path / "x.db.d" / status_file.NAME).write_text(text)
    assert status_file.read(tmp_path / "x.db") is None


def test_the_overview_says_how_far_it_is_and_warns_of_what_fails(log_path: Path, opened: Opened) -> None:
    table.store(log_path, calls(3))
    assert "Forwarding" not in page_text(opened("overview"))
    status_file.write(log_path, status(behind=7))
    app = opened("overview")
    assert "Forwarding to collector:4318: 7 rows behind" in page_text(app)
    assert not any("Forwarding" in str(warning.value) for warning in app.warning)
    status_file.write(log_path, status(behind=7, error="collector:4318 refused the traces: 401: “*no* <b>”."))
    [warning] = [str(warning.value) for warning in opened("overview").warning if "Forwarding" in str(warning.value)]
    assert r"401\: “\*no\* \<b\>”" in warning


def test_the_overview_says_why_no_forwarder_runs(log_path: Path, opened: Opened) -> None:
    table.store(log_path, calls(3))
    error = "OBS_FORWARD is not an address."
    children.write(log_path, Child("forward", "off", NOW, os.getpid(), 0, last_error=error))
    assert f"Rows are not forwarded: {error}" in page_text(opened("overview"))


def test_doctor_checks_the_settings_and_the_forwarder(tmp_path: Path) -> None:
    log = tmp_path / "x.db"

    def found(**environment: str) -> list[tuple[str, str]]:
        settings = from_environment({"OBS_LOG": str(log), **environment})
        return [(one.state, one.text) for one in check.forwarding(settings, log, children.children(log), NOW)]

    assert found() == []
    assert found(OBS_FORWARD="collector") == [("error", "OBS_FORWARD starts with http:// or https://, and has a host.")]
    [none_runs] = found(OBS_FORWARD="http://collector:4318")
    assert none_runs == ("warning", "Nothing is sent to collector:4318: no forwarder runs for this log.")
    status_file.write(log, status(behind=7))
    assert found() == [("ok", "Forwarding to collector:4318: 7 rows behind, nothing sent yet.")]
    status_file.write(log, status(error="collector:4318 answered 503."))
    assert [state for state, _ in found()] == ["warning"]


def test_the_command_says_what_is_missing(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OBS_FORWARD", raising=False)
    assert main(["forward"]) == 2
    assert capsys.readouterr().err.startswith("OBS_FORWARD is not set.")
    monkeypatch.setenv("OBS_FORWARD", "http://user:hunter2@collector")
    assert main(["forward"]) == 65
    assert "hunter2" not in "".join(capsys.readouterr())


@pytest.fixture
def dashboard_children(tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """The forwarder as a child process of this one: from the first log to a receiver that writes the second."""
    log, other = tmp_path / "a.db", tmp_path / "b.db"
    table.store(log, calls(3))
    with collector(other) as there:
        os.environ |= {"OBS_FORWARD": there.address, "OBS_FORWARD_FROM": "start"}
        settings = from_environment({**os.environ, "OBS_LOG": str(log), "OBS_OTLP": "no", "OBS_WATCH": "no"})
        running = supervisor.start(settings)
        try:
            yield log, other
        finally:
            supervisor.stop(running)
            del os.environ["OBS_FORWARD"], os.environ["OBS_FORWARD_FROM"]


def test_the_dashboard_starts_and_restarts_it(dashboard_children: tuple[Path, Path]) -> None:
    log, other = dashboard_children
    assert eventually(lambda: (known := status_file.read(log)) is not None and known.signals[0].sent == 3)
    first = children.children(log)["forward"]
    assert (first.state, first.address) == ("running", str(log))
    assert first.pid
    os.kill(first.pid, 9)
    table.store(log, calls(4, 3))
    assert eventually(lambda: (known := status_file.read(log)) is not None and known.signals[0].sent == 7)
    assert children.children(log)["forward"].restarts == 1
    assert other.exists()


def test_it_ends_with_its_parent_and_sends_heartbeats(tmp_path: Path) -> None:
    log = tmp_path / "a.db"
    environment = {**os.environ, "OBS_FORWARD": "http://127.0.0.1:1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "obs_core", "forward", "--child", "--log", str(log)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    with process:
        assert process.stdout
        assert process.stdin
        assert json.loads(process.stdout.readline()) == {"address": str(log)}
        beats = 0
        while beats < 3:
            beats += "beat" in process.stdout.readline()
        process.stdin.close()
        assert process.wait(TIMEOUT_S) == 0


def test_the_times_of_a_running_forwarder_are_of_now(tmp_path: Path) -> None:
    log = tmp_path / "a.db"
    table.store(log, calls(3))
    with collector(tmp_path / "b.db") as there:
        environment = {**os.environ, "OBS_FORWARD": there.address, "OBS_FORWARD_FROM": "start"}
        before_ns = time.time_ns()
        command = [sys.executable, "-m", "obs_core", "forward", "--once", "--log", str(log)]
        subprocess.run(command, env=environment, check=True, timeout=TIMEOUT_S)
        text = (tmp_path / "a.db.d" / status_file.NAME).read_text()
    [sent_ns] = [one["last_sent_ns"] for one in json.loads(text)["signals"] if one["sent"]]
    assert before_ns <= sent_ns <= now_ns()

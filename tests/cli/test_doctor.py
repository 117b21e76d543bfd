"""`doctor`: what it says about an installation, a log, its writers and the disk, each with what to do."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from obs_core import settings
from obs_core.cli.checks import installation, log_file
from obs_core.cli.checks.finding import Finding
from obs_core.cli.checks.log_file import Extent
from obs_core.cli.main import main
from obs_core.clock import DAY, HOUR, SECOND, now_ns
from obs_core.model import Row
from tests.support import table


def check(name: str, findings: list[Finding]) -> Finding:
    (found,) = [finding for finding in findings if finding.check == name]
    return found


def test_all_is_well_with_a_log_of_ours(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "trace.db"
    table.store(log, table.rows("0 feed load 5 OK\n1 feed load 6 OK"))
    assert main(["doctor", "--json", "--log", str(log)]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["ok"] is True
    assert {"version", "sqlite", "packages", "scanner", "permissions", "log", "disk", "clock", "writers"} <= {
        line["check"] for line in report["checks"]
    }
    assert [line for line in report["checks"] if line["state"] == "ok" and not line["text"]] == []
    assert [line for line in report["checks"] if line["state"] != "ok" and not line["hint"]] == []


def test_a_file_that_is_no_log_is_an_error_with_a_hint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "trace.db"
    log.write_bytes(b"no database" * 100)
    assert main(["doctor", "--log", str(log)]) == 1
    out = capsys.readouterr().out
    assert "ERROR" in out
    assert "is not a SQLite database" in out
    assert "-> Point OBS_LOG or --log at a trace log" in out


def test_without_a_log_it_says_how_to_get_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--log", str(tmp_path / "none" / "trace.db")]) == 0
    assert "python -m obs_core demo" in capsys.readouterr().out


def test_rows_that_a_killed_program_left_are_reported_until_they_are_drained(tmp_path: Path) -> None:
    log = tmp_path / "trace.db"
    program = "import os, obs_core; [obs_core.record('v', n) for n in range(7)]; os._exit(1)"
    environment = {**os.environ, "OBS_LOG": str(log), "OBS_DRAIN": "no"}
    subprocess.run([sys.executable, "-c", program], env=environment, check=False, timeout=60)
    finding = log_file.writers(log)
    assert (finding.state, finding.text) == ("warning", "7 rows of ended programs are in their spools.")
    assert main(["drain", "--log", str(log)]) == 0
    assert log_file.writers(log).state == "ok"


def test_a_log_that_others_may_read_is_a_warning(tmp_path: Path) -> None:
    log = tmp_path / "trace.db"
    table.store(log, table.rows("0 feed load 5 OK"))
    assert [finding.state for finding in log_file.permissions(log)] == ["ok"]
    log.chmod(0o644)
    (finding,) = log_file.permissions(log)
    assert finding.state == "warning"
    assert "mode 0644" in finding.text


def test_rows_from_the_future_are_a_warning_about_a_clock(tmp_path: Path) -> None:
    log, now = tmp_path / "trace.db", now_ns()
    table.store(log, [Row("value", "web", "v", now + HOUR, data_value="1")])
    assert check("clock", list(log_file.log(log, now))).state == "warning"
    assert check("clock", list(log_file.log(log, now + 2 * HOUR))).state != "error"


def test_the_disk_lasts_as_long_as_the_newest_rows_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = os.statvfs(tmp_path)
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 2_000_000_000})())
    now = 100 * DAY
    # 1,000 rows of 1 kB in the last day: 1 MB a day, 2,000 days
    slow = log_file.disk(tmp_path / "trace.db", 1_000_000, Extent(1_000, now, 1_000, now - DAY), now)
    assert (slow.state, "grows by 1.0 MB a day" in slow.text) == ("ok", True)
    # as many in an hour and a thousand times as large: 24 GB a day
    fast = log_file.disk(tmp_path / "trace.db", 1_000_000_000, Extent(1_000, now, 1_000, now - HOUR), now)
    assert (fast.state, "2 hours" in fast.text) == ("warning", True)
    # the first seconds of a program say nothing about a day
    first = log_file.disk(tmp_path / "trace.db", 100_000, Extent(400, now, 400, now - 3 * SECOND), now)
    assert (first.state, first.text) == ("ok", "2.0 GB are free.")
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1_000_000})())
    assert log_file.disk(tmp_path / "trace.db", 0, Extent(0, 0, 0, 0), now).state == "error"
    assert usage


def test_a_port_of_another_program_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        findings = list(installation.ports(settings.from_environment({"OBS_OTLP_PORT": str(port)}), {}))
    finding = check("receiver port", findings)
    assert (finding.state, finding.hint) == ("warning", "Stop it, or set OBS_OTLP_PORT.")


def test_packages_that_are_missing_or_of_another_version_are_named() -> None:
    known = installation.installed()
    assert installation.packages(known).state == "ok"
    assert installation.packages({}).state == "warning"
    assert installation.packages({name: known[name] for name in known if name != "duckdb"}).text == "Missing: duckdb."

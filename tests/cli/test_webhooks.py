"""`python -m obs_core webhooks`, from the shell."""

import hashlib
import hmac
import io
import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from obs_core.alerts import ledger
from obs_core.alerts.deliver import dispatcher
from obs_core.cli.main import main
from obs_core.cli.webhooks import duration_ns
from obs_core.errors import BadParameter
from obs_core.settings import from_environment
from tests.alerts.deliver.recording import record_transition
from tests.support import receivers
from tests.support.receivers import receiver

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OBS_LOG", str(tmp_path / "trace.db"))
    return tmp_path / "trace.db"


def test_a_webhook_is_added_tested_listed_and_removed_and_its_secrets_are_never_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("Bearer zebra1\nzebra2\n"))
    with receiver(receivers.answers("200 OK")) as server:
        asked = ["--severity", "critical", "--label", "process=feed*", "--header", "Authorization", "--secret"]
        assert main(["webhooks", "add", "ops", f"{server.url}?key=zebra3", *asked]) == 0
        assert main(["webhooks", "test", "ops"]) == 0
    [post] = server.posts
    assert post.headers["authorization"] == "Bearer zebra1"
    expected = "sha256=" + hmac.new(b"zebra2", post.body, hashlib.sha256).hexdigest()
    assert post.headers["x-obs-signature-256"] == expected
    assert main(["webhooks", "list"]) == main(["webhooks"]) == main(["webhooks", "list", "--json"]) == 0
    assert main(["webhooks", "remove", "ops"]) == 0
    assert main(["webhooks", "remove", "ops"]) == 2
    printed = capsys.readouterr()
    assert "alerts: critical, process=feed*, signed" in printed.out
    assert "zebra" not in printed.out + printed.err


def test_a_failed_test_prints_the_reason_and_exits_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    with receiver(receivers.answers("404 Not Found")) as server:
        assert main(["webhooks", "add", "ops", server.url]) == 0
        assert main(["webhooks", "test", "ops"]) == 1
    assert "The webhook answered 404." in capsys.readouterr().err


def test_an_invalid_or_unsafe_webhook_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for url in ("ftp://x/", "http://169.254.169.254/latest", "http://me:zebra@example.com/"):
        assert main(["webhooks", "add", "ops", url]) == 2
    assert main(["webhooks", "add", "ops", "http://x/", "--group-wait", "soon"]) == 2
    assert main(["webhooks", "add", "ops", "http://x/", "--label", "process"]) == 2
    assert main(["webhooks", "list", "--json"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out) == []
    assert "zebra" not in printed.err


def test_the_delivery_log_lists_the_status_of_deliveries(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with receiver(receivers.answers("410 Gone")) as server, closing(ledger.open_ledger(log)) as connection:
        assert main(["webhooks", "add", "ops", server.url, "--group-by", "none"]) == 0
        record_transition(connection, "firing", 1_700_000_000_000_000_000)
        dispatcher.run_round(connection, from_environment())
    assert main(["webhooks", "log"]) == 0
    line = capsys.readouterr().out.splitlines()[-1]
    assert "ops  failed  stale price  inactive → firing  attempts 1  410  The webhook answered 410." in line


def test_it_runs_as_a_program_without_streamlit_and_duckdb(log: Path) -> None:
    code = (
        "import sys; from obs_core.cli.main import main; code = main(['webhooks']); print(*sys.modules); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert "No webhooks yet" in done.stdout
    assert not {"streamlit", "duckdb", "pandas"} & set(done.stdout.split())
    assert log.parent.exists()


@pytest.mark.parametrize(("text", "seconds"), [("30s", 30), ("5m", 300), ("4h", 14_400), ("0s", 0), ("1d", 86_400)])
def test_durations_are_written_as_people_write_them(text: str, seconds: int) -> None:
    assert duration_ns(text) == seconds * 10**9


@pytest.mark.parametrize("text", ["", "s", "5", "-5s", "1.5h", "5 m", "٣s", "99999999999s"])
def test_an_invalid_duration_is_refused(text: str) -> None:
    with pytest.raises(BadParameter):
        duration_ns(text)

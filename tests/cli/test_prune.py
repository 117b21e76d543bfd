"""`prune`: says what would go, and deletes it."""

from pathlib import Path

import pytest

from obs_core.archive import pruner
from obs_core.cli.main import main
from obs_core.clock import SECOND, now_ns
from tests.support.archives import append, mixed, seal, statement


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A log of 31,000 rows, one every second until now."""
    return append(tmp_path / "x.db", mixed(31_000, start_ns=now_ns() - 31_000 * SECOND, step_ns=SECOND))


def test_prune_says_what_would_go_and_deletes_it(
    path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruner, "GRACE_S", 0)
    assert main(["prune", "--log", str(path)]) == 0
    assert "has no archive" in capsys.readouterr().out
    seal(path)
    assert main(["prune", "--log", str(path)]) == 0
    assert "Everything is kept." in capsys.readouterr().out
    monkeypatch.setenv("OBS_KEEP", "1h")
    monkeypatch.setenv("OBS_MAX_SIZE", "1GB")
    assert main(["prune", "--dry-run", "--log", str(path)]) == 0
    out = capsys.readouterr().out
    assert "kept: rows in the log 1h, at most 1,000 MB" in out
    assert "from the log: 999 rows" in out
    assert "from the archive: 0 days, 0 rows" in out
    assert statement(path, "SELECT count(*) FROM data_trace") == [(31_000,)]
    assert main(["prune", "--log", str(path)]) == 0
    assert "to be deleted from the log: 999 rows\ndeleted from the log: 999 rows" in capsys.readouterr().out
    assert statement(path, "SELECT count(*) FROM data_trace") == [(30_001,)]


def test_a_missing_log_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prune", "--log", str(tmp_path / "none.db")]) == 2
    assert "No trace log at" in capsys.readouterr().err

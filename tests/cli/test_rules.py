"""`python -m obs_core rules`: rules on the command line, and backtests."""

from pathlib import Path

import pytest

from obs_core.alerts.rules.kinds import KINDS
from obs_core.cli.main import main
from obs_core.clock import SECOND
from obs_core.model import Row
from tests.support import table

START = table.START_NS


def run(log: Path, action: str, *arguments: str) -> int:
    return main(["rules", action, "--log", str(log), *arguments])


def test_rules_are_added_listed_and_removed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "t.db"
    assert run(log, "add", "stuck", "stale", "data=price", "threshold=10", "for=5m") == 0
    assert run(log, "add", "stuck", "stale") == 2
    assert run(log, "add", "odd", "stale", "threshold=x") == 2
    capsys.readouterr()
    assert run(log, "list") == 0
    assert capsys.readouterr().out == "stuck  [stale, from page]  threshold=10 data=price for=300.0\n"
    assert main(["rules", "--log", str(log), "list"]) == 0
    assert capsys.readouterr().out.startswith("stuck")
    assert run(log, "remove", "stuck") == 0
    assert run(log, "remove", "stuck") == 2


def test_a_backtest_prints_when_a_rule_would_have_fired(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "t.db"
    texts = "1112222333"
    table.store(
        log,
        [
            Row("value", "p", "x", START + second * SECOND, data_type="int", data_value=text)
            for second, text in enumerate(texts)
        ],
    )
    window = ("--from", "2026-01-01T00:00:00Z", "--to", "2026-01-01T00:01:00Z")
    assert run(log, "test", "stuck", "stale", "threshold=2", *window) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0][17:19] for line in lines[:-2]] == ["02", "05", "09"]
    assert [line.split()[1][-13:-11] for line in lines[:2]] == ["03", "07"]
    assert "ongoing" in lines[2]
    messages = "with 1 message to a webhook with default settings"
    assert lines[-1].startswith("A new rule sends only alerts that still fire on rows of the last hour, here none")
    assert lines[-2] == f"“stuck” would have fired 3 times and flapped 1 time, {messages}."
    assert run(log, "test", "stuck", *window) == 2


@pytest.mark.parametrize("action", ["add", "test"])
def test_the_help_lists_every_kind_with_its_fields(action: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["rules", action, "--help"])
    text = " ".join(capsys.readouterr().out.split())
    for kind in KINDS.values():
        assert f"{kind.name}: {kind.summary}" in text
        assert all(field.name in text.partition(f"{kind.name}: ")[2] for field in kind.fields)

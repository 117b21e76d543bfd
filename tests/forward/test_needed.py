"""Retention waits for rows that were not forwarded, but not longer than the setting says."""

from pathlib import Path

import pytest

from obs_core.clock import HOUR, now_ns
from obs_core.forward.needed import EVERYTHING, needed_id
from obs_core.forward.positions import Position, Positions
from obs_core.settings import Settings, from_environment
from obs_core.watch import needed as watch_needed
from tests.support.archives import append, mixed

ADDRESS = "http://collector:4318"


def settings(**more: str) -> Settings:
    return from_environment({"OBS_FORWARD": ADDRESS, **more})


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log with a row for each of the last 100 hours; traces were forwarded up to 70, logs up to 90."""
    path = append(tmp_path / "x.db", mixed(100, start_ns=now_ns() - 100 * HOUR + HOUR // 2, step_ns=HOUR))
    for name, up_to_id in (("traces", 70), ("logs", 90)):
        Positions(path, ADDRESS).record(name, Position(up_to_id))
    return path


@pytest.mark.parametrize(("hold", "expected"), [("2w", 70), ("40h", 70), ("1d", 76), ("2h", 98), ("no", EVERYTHING)])
def test_rows_that_are_not_sent_stay_for_a_while(log: Path, hold: str, expected: int) -> None:
    assert needed_id(log, settings(OBS_FORWARD_HOLD=hold)) == expected


def test_only_what_is_forwarded_now_is_needed(log: Path) -> None:
    assert needed_id(log, settings(OBS_FORWARD_HOLD="2w", OBS_FORWARD_SIGNALS="logs")) == 90
    assert needed_id(log, settings(OBS_FORWARD="http://other:4318")) == EVERYTHING
    assert needed_id(log, settings(OBS_FORWARD="")) == EVERYTHING
    assert needed_id(log, settings(OBS_FORWARD="collector")) == EVERYTHING


def test_retention_asks_the_forwarder_too(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert watch_needed.needed_id(log) == EVERYTHING
    monkeypatch.setenv("OBS_FORWARD", ADDRESS)
    assert watch_needed.needed_id(log) == 76

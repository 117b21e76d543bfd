"""Rows that alert rules or the shared lake still need are not deleted."""

from pathlib import Path

import pytest

from obs_core.clock import SECOND, now_ns
from obs_core.lake import progress
from obs_core.lake.progress import Progress
from obs_core.watch.follower import Follower
from obs_core.watch.needed import EVERYTHING, needed_id
from tests.support.archives import append, mixed

RULES = """
[[rule]]
name = "errors"
kind = "error_rate"
above = 0.5
window = 600
"""


def test_without_rules_no_row_is_needed(tmp_path: Path) -> None:
    assert needed_id(append(tmp_path / "x.db", mixed(10))) == EVERYTHING


def test_rows_that_a_rule_has_not_evaluated_and_those_of_its_window_are_needed(tmp_path: Path) -> None:
    now = now_ns()
    path = append(tmp_path / "x.db", mixed(4_000, start_ns=now - 4_000 * SECOND, step_ns=SECOND))
    (tmp_path / "rules.toml").write_text(RULES)
    assert needed_id(path) == 0
    follower = Follower(path)
    follower.tick(now)
    follower.close()
    assert 3_000 < needed_id(path) < 4_000 - 600


def test_rows_that_are_not_in_the_shared_lake_are_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = append(tmp_path / "x.db", mixed(10))
    monkeypatch.setenv("OBS_STORE", "ducklake:postgres://obs@pg/obs?data=s3://bucket/obs")
    assert needed_id(log) == 0
    progress.write(log, Progress("postgres://obs@pg/obs?data=s3://bucket/obs", writer=1, until_id=7))
    assert needed_id(log) == 7
    progress.write(log, Progress("postgres://obs@pg/another?data=s3://bucket/obs", writer=1, until_id=7))
    assert needed_id(log) == 0
    monkeypatch.setenv("OBS_STORE", "ducklake:postgres://obs@pg")
    assert needed_id(log) == 0

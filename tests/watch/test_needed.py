"""Rows that alert rules still need are not deleted."""

from pathlib import Path

from obs_core.clock import SECOND, now_ns
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

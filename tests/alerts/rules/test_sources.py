"""Rules as people write them: parsed, written, and rejected with a message that names the rule and the field."""

from contextlib import closing
from pathlib import Path

import pytest

from obs_core.alerts import ledger
from obs_core.alerts.rules import parsing, sources
from obs_core.alerts.rules.kinds.new_exception import NewException
from obs_core.alerts.rules.kinds.silent import Silent
from obs_core.alerts.rules.kinds.stale import Stale
from obs_core.alerts.rules.kinds.value import Value
from obs_core.alerts.rules.kinds.writer import Writer
from obs_core.alerts.rules.model import Rule, Scope
from obs_core.alerts.rules.sliding_window import Calls
from obs_core.errors import BadParameter

TOML = """
[[rule]]
name = "stuck"
kind = "stale"
process = "feed*"
data = "price"
threshold = 10
critical = 100
tolerance = 1e-4
missing = "skip"
ignore = ["0"]
for = "5m"
labels = { team = "a" }

[[rule]]
name = "slow"
kind = "latency"
group = "shop"
above = 250
percentile = 99
window = "10m"
no_data = "ok"
enabled = false
"""
RULES = [
    Rule("a", Stale(7, 70, 1.5, 0.1, "break", ("0", "idle"), ("version",)), Scope("p", "g", "d*"), for_s=60),
    Rule("b", Silent(30, "calls"), keep_firing_for_s=5, severity="critical", annotations=(("link", "http://x"),)),
    Rule("c", Value(above=1.0, below=-1.0, allowed=("1", "2")), no_data="alert", no_data_after_s=9),
    Rule(
        "d",
        Calls("throughput", 60, None, 0.5, 50, 99, 10),
        Scope(function="f"),
        enabled=False,
        flap_count=5,
        flap_window_s=9,
    ),
    Rule("e", NewException(), labels=(("team", "b"),), snoozed_until_ns=1_767_225_600_000_000_000),
    Rule("f", Writer(("GONE",), drops=False)),
]


def test_a_file_of_rules_is_read(tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text(TOML)
    stuck, slow = sources.from_file(tmp_path / "rules.toml")
    assert stuck == Rule(
        "stuck",
        Stale(10, 100, tolerance=1e-4, missing="skip", ignore=("0",)),
        Scope("feed*", data="price"),
        for_s=300,
        labels=(("team", "a"),),
    )
    assert slow == Rule(
        "slow",
        Calls("latency", 600, above=250, percentile=99),
        Scope(group="shop"),
        no_data="ok",
        enabled=False,
    )
    assert stuck.source == "file"
    assert sources.from_file(tmp_path / "none.toml") == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.kind)
def test_a_rule_is_parsed_from_the_table_that_is_written_for_it(rule: Rule) -> None:
    assert parsing.parse_rule(parsing.rule_table(rule)) == rule


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"kind": "odd"}, "kind"),
        ({"kind": "stale", "threshold": 0}, "threshold"),
        ({"kind": "stale", "threshold": 1.5}, "threshold"),
        ({"kind": "stale", "threshold": True}, "threshold"),
        ({"kind": "stale", "tolerance": -1}, "tolerance"),
        ({"kind": "stale", "missing": "x"}, "missing"),
        ({"kind": "stale", "ignore": "0"}, "ignore"),
        ({"kind": "stale", "above": 1}, "above"),
        ({"kind": "stale", "function": "pkg.f"}, "function"),
        ({"kind": "writer", "states": ["ODD"]}, "states"),
        ({"kind": "silent", "after": "soon"}, "after"),
        ({"kind": "silent", "after": float("nan")}, "after"),
        ({"kind": "error_rate"}, "above"),
        ({"kind": "latency", "above": 1, "window": "0s"}, "window"),
        ({"kind": "writer", "enabled": "yes"}, "enabled"),
        ({"kind": "writer", "flap_count": 17}, "flap_count"),
        ({"kind": "writer", "labels": "x"}, "labels"),
        ({"kind": "writer", "severity": 1}, "severity"),
        ({"kind": "writer", "snoozed_until": "soon"}, "snoozed_until"),
    ],
)
def test_an_invalid_field_is_reported_with_the_rule_and_the_field(wrong: dict[str, object], field: str) -> None:
    with pytest.raises(BadParameter, match=f"“r”: {field} "):
        parsing.parse_rule({"name": "r", **wrong})


@pytest.mark.parametrize("text", ["[[rule]", "x = 1", 'rule = "x"', "[[rule]]\nkind = 'stale'"])
def test_a_file_with_anything_else_is_rejected(tmp_path: Path, text: str) -> None:
    (tmp_path / "rules.toml").write_text(text)
    with pytest.raises(BadParameter):
        sources.from_file(tmp_path / "rules.toml")


def test_rules_are_added_and_removed_and_a_name_is_used_once(tmp_path: Path) -> None:
    log = tmp_path / "t.db"
    with closing(ledger.open_ledger(log)) as connection:
        for rule in RULES:
            sources.add(connection, log, rule, 0)
        with pytest.raises(BadParameter, match="“a” already"):
            sources.add(connection, log, RULES[0], 0)
        assert sources.rules(log, connection) == RULES
        (tmp_path / "rules.toml").write_text('[[rule]]\nname = "a"\nkind = "writer"\n')
        with pytest.raises(BadParameter, match="Two rules are called “a”"):
            sources.rules(log, connection)
        sources.remove(connection, "a")
        assert [rule.source for rule in sources.rules(log, connection)] == ["file", *["page"] * 5]
        with pytest.raises(BadParameter, match="“a”"):
            sources.remove(connection, "a")


def test_a_change_of_annotations_does_not_change_the_condition_hash() -> None:
    rule = RULES[0]
    again = parsing.parse_rule({**parsing.rule_table(rule), "annotations": {"x": "y"}})
    assert again.condition_hash() == rule.condition_hash()
    assert parsing.parse_rule({**parsing.rule_table(rule), "threshold": 8}).condition_hash() != rule.condition_hash()

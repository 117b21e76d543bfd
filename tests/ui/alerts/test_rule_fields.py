"""The form's fields have every setting of a rule, and return it."""

from typing import Any

import pytest

from obs_core.alerts.rules import parsing
from obs_core.alerts.rules.kinds import KINDS
from obs_core.clock import SECOND, iso_text, now_ns, period_text
from obs_core.ui.alerts import rule_fields
from tests.support import rules

EVERY: dict[str, Any] = {
    "process": "feed*",
    "group": "orders",
    "for": "90s",
    "keep_firing_for": "1h",
    "severity": "critical",
    "no_data": "alert",
    "no_data_after": "10m",
    "flap_count": 5,
    "flap_window": "5m",
    "labels": {"team": "water", "site": "north"},
    "annotations": {"runbook": "https://wiki.example/feed", "note": "{{ $value }} at {{ $labels.process }}"},
    "enabled": False,
}
CALLS: dict[str, Any] = {
    "data": "load",
    "function": "app.load",
    "above": 0.123456789,
    "below": -1.5,
    "changed_percent": 50.0,
    "window": "1d",
    "min_calls": 20,
}
OF_KIND: dict[str, dict[str, Any]] = {
    "stale": {
        "data": "price",
        "threshold": 7,
        "critical": 70,
        "min_seconds": 2.5,
        "tolerance": 0.0001,
        "missing": "break",
        "ignore": ["0", "off"],
        "constant": ["serial*", "unit"],
    },
    "silent": {"data": "price", "after": "2h", "of": "calls"},
    "value": {"data": "price", "above": 1.0832151, "below": 1e-7, "allowed": ["open", "shut"]},
    "error_rate": CALLS,
    "latency": {**CALLS, "percentile": 99.9},
    "throughput": CALLS,
    "new_exception": {"data": "load", "function": "app.*"},
    "writer": {"states": ["GONE"], "drops": False},
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_setting_of_a_rule_survives_the_form(kind: str) -> None:
    rule = parsing.parse_rule(
        {"name": "all of it", "kind": kind, **EVERY, **(OF_KIND.get(kind) or rules.every_setting(kind))}
    )
    texts = rule_fields.texts_of(parsing.rule_table(rule))
    fields = rule_fields.all_fields(kind)
    given = {field.name: rule_fields.read(field, texts[field.name]) for field in fields if texts[field.name]}
    assert parsing.parse_rule({"kind": kind, **given}) == rule
    shown = {
        name for name, text in texts.items() if text not in {field.default for field in fields if field.name == name}
    }
    assert {*EVERY, *(OF_KIND.get(kind) or rules.every_setting(kind))} <= shown


def test_a_snooze_is_given_as_a_time_from_now_and_shown_as_its_end() -> None:
    field = next(field for field in rule_fields.COMMON if field.name == "snoozed_until")
    end = rule_fields.read(field, "1h")
    assert 3_595 < end - now_ns() / SECOND <= 3_600
    assert rule_fields.texts_of({"kind": "stale", "snoozed_until": end})["snoozed_until"] == iso_text(
        round(end * SECOND)
    )
    assert rule_fields.texts_of({"kind": "stale", "snoozed_until": 1.0})["snoozed_until"] == ""
    assert rule_fields.read(field, "soon") == "soon"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (0.5, "0.5s"), (90, "90s"), (300, "5m"), (5_400, "90m"), (172_800, "2d"), (604_800, "7d")],
)
def test_a_period_is_written_in_the_longest_unit_that_fits(seconds: float, text: str) -> None:
    assert period_text(round(seconds * SECOND)) == text

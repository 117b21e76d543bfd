"""Rules that fit what is shown: each is one that rules.toml could hold, with a limit taken from what is shown."""

import pytest

from obs_core.alerts.rules import parsing
from obs_core.alerts.rules.kinds.stale import Stale
from obs_core.alerts.rules.kinds.value import Value
from obs_core.alerts.rules.model import Rule
from obs_core.alerts.rules.sliding_window import Calls
from obs_core.clock import Window
from obs_core.ui.alerts import rule_fields
from obs_core.ui.shell import rule_suggestions
from obs_core.ui.shell.rule_suggestions import RuleSuggestion
from obs_core.ui.shell.scope import PageScope

EVERYONE = PageScope(Window(0, 1), None, live=False, from_text="first", to_text="last")
ORDERS = PageScope(Window(0, 1), "orders", live=False, from_text="first", to_text="last")


def built(suggestion: RuleSuggestion) -> Rule:
    """The rule that the builder makes of an suggestion's texts."""
    kind = suggestion.fields["kind"]
    fields = {field.name: field for field in rule_fields.all_fields(kind)}
    texts = {name: text for name, text in suggestion.fields.items() if text and name != "kind"}
    assert texts.keys() <= fields.keys()
    return parsing.parse_rule(
        {"kind": kind, **{name: rule_fields.read(fields[name], text) for name, text in texts.items()}}
    )


@pytest.mark.parametrize(
    ("rate", "above"), [(None, 0.05), (0.0, 0.05), (0.01, 0.05), (0.03, 0.06), (0.2, 0.4), (0.6, 0.8), (1.0, 0.99)]
)
def test_an_error_rate_is_limited_to_twice_itself_and_never_below_five_percent(
    rate: float | None, above: float
) -> None:
    rule = built(rule_suggestions.error_rate(ORDERS, rate))
    assert isinstance(rule.condition, Calls)
    assert (rule.condition.figure, rule.condition.above, rule.scope.group) == ("error_rate", above, "orders")


@pytest.mark.parametrize(("p95", "above"), [(80.0, 120.0), (1234.5, 1900.0), (0.000123, 0.00018), (2.5e7, 3.8e7)])
def test_a_latency_is_limited_to_one_and_a_half_times_its_p95_in_two_digits(p95: float, above: float) -> None:
    [suggestion] = rule_suggestions.latency(EVERYONE, p95, function="app.load")
    assert "e" not in suggestion.fields["above"]
    rule = built(suggestion)
    assert isinstance(rule.condition, Calls)
    assert rule.condition.above == pytest.approx(above)
    assert (rule.condition.percentile, rule.scope.function) == (95.0, "app.load")


@pytest.mark.parametrize("p95", [None, 0.0, float("nan")])
def test_where_nothing_was_timed_no_limit_is_offered(p95: float | None) -> None:
    assert rule_suggestions.latency(EVERYONE, p95) == []


def test_a_stale_value_is_suggested_with_the_selected_criteria() -> None:
    rule = built(rule_suggestions.stale("feed", "price", 12, missing="skip", tolerance="0.5"))
    assert rule.condition == Stale(threshold=12, missing="skip", tolerance=0.5)
    assert (rule.name, rule.scope.process, rule.scope.data) == ("price of feed is stale", "feed", "price")


def test_every_other_offer_is_a_rule_too() -> None:
    suggestions = (
        rule_suggestions.throughput(ORDERS),
        rule_suggestions.new_exception(ORDERS, function="app.load"),
        rule_suggestions.stale("", ""),
        rule_suggestions.silent("feed", of="calls"),
        rule_suggestions.silent(group="orders"),
        rule_suggestions.writer(),
        rule_suggestions.other_latency(ORDERS, function="app.load"),
    )
    kinds = ["throughput", "new_exception", "stale", "silent", "silent", "writer", "latency"]
    assert [built(suggestion).kind for suggestion in suggestions] == kinds
    assert all(suggestion.text and len(suggestion.fields["name"]) > 5 for suggestion in suggestions)


@pytest.mark.parametrize(
    ("reading", "conditions"),
    [
        ("7", [Value(above=7.0), Value(below=7.0)]),
        ("-1.5e-7", [Value(above=-1.5e-7), Value(below=-1.5e-7)]),
        ("open", [Value(allowed=("open",))]),
        ("NaN", []),
        (None, []),
        ("a, b", []),
        ("x" * 5_000, []),
    ],
)
def test_a_reading_is_the_limit_of_the_next_ones_or_the_only_one_allowed(
    reading: str | None, conditions: list[Value]
) -> None:
    rules = [built(suggestion) for suggestion in rule_suggestions.value("feed", "price", reading)]
    assert [rule.condition for rule in rules] == conditions
    assert {(rule.scope.process, rule.scope.data) for rule in rules} <= {("feed", "price")}


def test_a_variable_can_repeat_cease_to_come_or_change() -> None:
    rules = [built(suggestion) for suggestion in rule_suggestions.of_value("feed", "lock", "open")]
    assert [rule.kind for rule in rules] == ["stale", "silent", "value"]
    assert {(rule.scope.process, rule.scope.data) for rule in rules} == {("feed", "lock")}

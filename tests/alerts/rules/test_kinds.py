"""Every kind of rule has all its parts: settings, form fields, texts, a suggestion, a check, and a row in the docs."""

import re
from dataclasses import MISSING, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest

from obs_core.alerts.evaluate.alert_set import AlertSet
from obs_core.alerts.evaluate.evaluator import Evaluator
from obs_core.alerts.rules import kinds, parsing
from obs_core.alerts.rules.check import Check
from obs_core.alerts.rules.kind import Field, Kind
from obs_core.alerts.rules.kinds import KINDS
from obs_core.ui.alerts import rule_fields
from obs_core.ui.shell import rule_suggestions
from tests.support import rules

DOCS = Path(__file__).parents[3] / "docs" / "alerts.md"
ALL = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())


def documented() -> dict[str, str]:
    """The row of each kind in the table of kinds."""
    table = DOCS.read_text("utf-8").partition("| kind | fires when |")[2].partition("\n\n")[0]
    return dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", table, re.MULTILINE))


def settings(kind: Kind) -> list[Any]:
    """The fields of a kind's condition that a rule can set."""
    return [field for field in fields(kind.condition) if field.name not in kind.preset]  # type: ignore[arg-type]


def default_text(field: Any) -> str:  # noqa: ANN401 - a field of any type
    """A default as the form shows it."""
    assert field.default is not MISSING, f"{field.name} needs a default"
    form = Field(field.name, "", "period" if field.name.endswith("_s") else "text")
    return (
        ""
        if field.default in (None, (), 0, 0.0) and not isinstance(field.default, bool)
        else rule_fields._text(form, field.default)
    )


def test_every_module_of_the_package_is_a_kind_of_its_name() -> None:
    modules = {path.stem for path in Path(kinds.__path__[0]).glob("[!_]*.py")}
    assert modules == set(KINDS) == {kind.name for kind in KINDS.values()}


@ALL
def test_a_kind_has_exactly_one_way_to_be_evaluated(kind: Kind) -> None:
    assert (kind.check is None) != (kind.series_checks is None)
    assert kind.check is None or kind.reads in {"values", "calls", "writers"}
    assert kind.series_checks is None or kind.reads == "values"


@ALL
def test_every_setting_has_a_form_field_with_the_same_default_and_options(kind: Kind) -> None:
    hints = get_type_hints(kind.condition)
    in_form = {field.name: field for field in kind.fields}
    unused = {"percentile"} if kind.name in {"error_rate", "throughput"} else set()
    assert {field.name.removesuffix("_s") for field in settings(kind)} - unused == set(in_form)
    for field in settings(kind):
        if (form := in_form.get(field.name.removesuffix("_s"))) is None:
            continue
        assert (form.type == "period") == field.name.endswith("_s")
        assert form.default == default_text(field), field.name
        if get_origin(hints[field.name]) is Literal:
            assert form.options == get_args(hints[field.name])


@ALL
def test_a_kind_has_a_summary_an_axis_and_labels(kind: Kind) -> None:
    assert re.fullmatch(r"[A-Z].{10,}\.", kind.summary)
    assert kind.axis.format(**{field.name: field.default for field in fields(kind.condition)})  # type: ignore[arg-type]
    assert all(field.label for field in kind.fields)
    assert len({field.label for field in kind.fields}) == len(kind.fields)


@ALL
def test_the_suggestion_of_a_kind_is_a_valid_rule(kind: Kind) -> None:
    suggestion = rule_suggestions.of_kind(kind.name, "feed", "price" if kind.reads != "writers" else "")
    form = {field.name: field for field in rule_fields.all_fields(kind.name)}
    table = {
        name: rule_fields.read(form[name], text) for name, text in suggestion.fields.items() if name in form and text
    }
    rule = parsing.parse_rule({"kind": kind.name, **table})
    assert (rule.kind, rule.scope.process) == (kind.name, "feed")
    assert set(suggestion.fields) <= {"kind", *form, "data"}
    assert rule_fields.condition_summary(rule)


@ALL
def test_a_series_suggests_a_rule_of_every_kind_that_reads_values(kind: Kind) -> None:
    suggested = {suggestion.fields["kind"] for suggestion in rule_suggestions.of_value("feed", "price", "7")}
    assert (kind.name in suggested) == (kind.reads == "values")


@ALL
def test_every_setting_is_parsed_written_and_part_of_the_hash(kind: Kind) -> None:
    table = {"name": "r", "kind": kind.name, **rules.every_setting(kind.name)}
    rule = parsing.parse_rule(table)
    written = parsing.rule_table(rule)
    assert written.keys() == table.keys()
    assert parsing.parse_rule(written) == rule
    for field in settings(kind):
        if field.name.removesuffix("_s") in table:
            other = replace(rule, condition=replace(rule.condition, **{field.name: field.default}))  # type: ignore[type-var]
            assert other.condition_hash() != rule.condition_hash(), field.name


@ALL
def test_the_evaluator_makes_the_check_of_a_rule(kind: Kind) -> None:
    rule = parsing.parse_rule({"name": "r", **rules.smallest(kind.name)})
    alerts = AlertSet([rule])
    evaluator = Evaluator([rule], (), alerts)
    if kind.check is not None:
        [check] = evaluator.checks
        assert type(check).take is not Check.take or type(check).tick is not Check.tick
        assert check.reach_ns == 0 or type(check).resume is not Check.resume, "a window must be filled after a restart"
    elif kind.series_checks is not None:
        assert kind.series_checks(rule, {"process": "p", "data": "x"}, alerts)


@ALL
def test_the_docs_have_a_row_with_every_field_and_default(kind: Kind) -> None:
    row = documented()[kind.name]
    for field in kind.fields:
        assert f"`{field.name}`" in row, field.name
        for option in field.options if field.type == "choice" else ():
            assert f"`{option}`" in row, option
        if field.default and field.type in {"number", "period"}:
            assert re.search(rf"`{field.name}`[^`]*\({re.escape(field.default)}[):]", row), field.name


def test_the_docs_have_no_other_kind() -> None:
    assert documented().keys() == KINDS.keys()

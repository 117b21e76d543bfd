"""The rule builder: fields with what is wrong beside each, when the rule would have fired, and saving it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from obs_core.alerts import ledger
from obs_core.alerts.rules import parsing, sources
from obs_core.alerts.rules.model import Rule
from obs_core.alerts.rules.parsing import BadField
from obs_core.alerts.snapshot import AlertsSnapshot
from obs_core.clock import now_ns
from obs_core.settings import from_environment
from obs_core.ui.alerts import backtest_card, ledger_access, rule_fields
from obs_core.ui.alerts.rule_fields import Field
from obs_core.ui.kit import formatting
from obs_core.ui.shell.panel import boundary
from obs_core.ui.shell.rule_suggestions import RULES, VIEW
from obs_core.ui.shell.scope import PageScope

_UNNAMED: Final = "new rule"
_ACROSS: Final = 4
_LONGEST: Final = 2_000


def fill(texts: Mapping[str, str]) -> None:
    """Fill the builder and show it; called before its controls are drawn, so by a button's `on_click`."""
    kind = texts.get("kind", "stale")
    st.session_state["r_kind"] = kind
    for field in rule_fields.all_of(kind):
        st.session_state[f"r_{field.name}"] = texts.get(field.name, field.usual)
    st.session_state[VIEW] = RULES


def rule_form(found: AlertsSnapshot, scope: PageScope) -> None:
    """Draw the builder; a rule is tried before it can be saved."""
    kind, texts, slots = _fields()
    facts, trouble = _facts(kind, texts), ""
    try:
        rule = parsing.from_facts({**facts, "name": facts.get("name", _UNNAMED)})
    except BadField as error:
        slots.get(error.field, st).caption(f":red[:material/error: {formatting.escape_markdown(_sentence(error))}]")
        rule, trouble = None, f"{_label(kind, error.field)} {error.what}."
    _buttons(found, scope, rule, trouble, named="name" in facts)
    if rule is not None:
        with boundary("Backtest"):
            backtest_card.result(rule, scope)


def _fields() -> tuple[str, dict[Field, str], dict[str, Any]]:
    """Draw the fields; return the kind, the fields' texts, and under each a place for what is wrong."""
    texts: dict[Field, str] = {}
    slots: dict[str, Any] = {}
    columns = st.columns(_ACROSS, gap="small")
    with columns[0]:
        kind = st.selectbox("Kind", list(rule_fields.KINDS), key="r_kind", bind="query-params")
    _row((rule_fields.NAME,), texts, slots, columns[1:2])
    st.caption(rule_fields.KINDS[kind])
    scope, own = rule_fields.scope_of(kind), rule_fields.OF_KIND[kind]
    _row((*scope[:3], rule_fields.FOR), texts, slots)
    _row((*own, rule_fields.SEVERITY), texts, slots)
    with st.expander("More: no data, flapping, labels, annotations, snooze"):
        _row((*scope[3:], *rule_fields.COMMON), texts, slots)
    return kind, texts, slots


def _row(
    fields: tuple[Field, ...],
    texts: dict[Field, str],
    slots: dict[str, Any],
    columns: Sequence[DeltaGenerator] | None = None,
) -> None:
    for start in range(0, len(fields), _ACROSS):
        places = columns or st.columns(_ACROSS, gap="small")
        for place, field in zip(places, fields[start : start + _ACROSS], strict=False):
            with place:
                texts[field] = _control(field)
                slots[field.name] = st.empty()


def _control(field: Field) -> str:
    key, told = f"r_{field.name}", field.help or None
    if field.how in {"choice", "switch"}:
        usual = "As usual for its kind"
        return st.selectbox(field.label, field.options, key=key, bind="query-params", help=told, placeholder=usual)
    shown = {"period": "such as 30s, 5m, 1h", "end": "such as 1h, 2d"}.get(field.how)
    return st.text_input(
        field.label,
        value=field.usual,
        key=key,
        bind="query-params",
        help=told,
        max_chars=_LONGEST,
        placeholder=shown,
    ).strip()


def _facts(kind: str, texts: Mapping[Field, str]) -> dict[str, Any]:
    """The rule as rules.toml would have it, without what is at its usual."""
    given = {
        field.name: rule_fields.read(field, text) for field, text in texts.items() if text not in ("", field.usual)
    }
    return {"kind": kind, **given}


def _label(kind: str, name: str) -> str:
    return next((field.label for field in rule_fields.all_of(kind) if field.name == name), name)


def _sentence(error: BadField) -> str:
    return error.what[:1].upper() + error.what[1:] + "."


def _buttons(found: AlertsSnapshot, scope: PageScope, rule: Rule | None, trouble: str, *, named: bool) -> None:
    there = found.named(rule.name) if rule is not None and named else None
    of_file = there is not None and there.source == "file"
    tried = rule is not None and backtest_card.is_tried(rule)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        over = backtest_card.span(scope)
        if st.button("Backtest", key="r_test", type="secondary" if tried else "primary", disabled=rule is None):
            with boundary("Backtest"), st.spinner("Judging the window…"):
                assert rule is not None
                backtest_card.try_(rule, over)
            st.rerun()
        label = "Save changes" if there is not None else "Save rule"
        disabled = not (tried and named) or of_file
        if st.button(label, key="r_save", type="primary" if tried else "secondary", disabled=disabled):
            assert rule is not None
            _save(rule, there)
    if said := trouble or _why_not(named=named, tried=tried, of_file=of_file):
        st.caption(formatting.escape_markdown(said))


def _why_not(*, named: bool, tried: bool, of_file: bool) -> str:
    if of_file:
        return f"{sources.NAME} has a rule of this name: change it there, or choose another name."
    if not tried:
        return "Backtest shows when it would have fired; then it can be saved."
    return "" if named else "Give it a name to save it."


def _save(rule: Rule, there: Rule | None) -> None:
    with boundary("Save"), ledger_access.opened() as found:
        kept, until = replace(rule, snoozed_until_ns=None), rule.snoozed_until_ns
        if there is None:
            sources.add(found, from_environment().log.absolute(), kept, now_ns())
        else:
            sources.change(found, kept)
        if until is not None or (there is not None and there.is_snoozed(now_ns())):
            ledger.snooze(found, rule.name, until or now_ns())
        st.toast(f"Saved “{formatting.escape_markdown(rule.name)}”.", icon=":material/check:")
        st.query_params["a_rule"] = rule.name
        st.rerun()

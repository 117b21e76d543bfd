"""The rule builder: fields with what is wrong beside each, when the rule would have fired, and saving it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import streamlit as st

from obs_core.alerts import rule_facts, rule_files
from obs_core.alerts.picture import Picture
from obs_core.alerts.rule_facts import BadField
from obs_core.alerts.rules import Rule
from obs_core.clock import now_ns
from obs_core.settings import from_environment
from obs_core.ui import backtest_card, book, frame, rule_fields
from obs_core.ui.controls import Chosen
from obs_core.ui.panel import boundary
from obs_core.ui.rule_fields import Field
from obs_core.ui.rule_offers import RULES, VIEW

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


def rule_form(found: Picture, chosen: Chosen) -> None:
    """Draw the builder; a rule is tried on the window before it can be saved."""
    kind = st.selectbox("Kind", list(rule_fields.KINDS), key="r_kind", bind="query-params", width=260)
    st.caption(rule_fields.KINDS[kind])
    texts, slots = _fields(kind)
    facts, trouble = _facts(kind, texts), ""
    try:
        rule = rule_facts.from_facts({**facts, "name": facts.get("name", _UNNAMED)})
    except BadField as error:
        slots.get(error.field, st).caption(f":red[:material/error: {frame.literal(_sentence(error))}]")
        rule, trouble = None, f"{_label(kind, error.field)} {error.what}."
    _buttons(found, chosen, rule, trouble, named="name" in facts)
    if rule is not None:
        with boundary("Backtest"):
            backtest_card.result(rule, chosen)


def _fields(kind: str) -> tuple[dict[Field, str], dict[str, Any]]:
    """Draw the fields; return their texts, and under each a place for what is wrong."""
    texts: dict[Field, str] = {}
    slots: dict[str, Any] = {}
    _row((rule_fields.NAME, *rule_fields.SCOPE[:3]), texts, slots)
    _row((*rule_fields.OF_KIND[kind], *rule_fields.COMMON[:1], *rule_fields.COMMON[2:3]), texts, slots)
    with st.expander("More: function, no data, flapping, labels"):
        _row((*rule_fields.SCOPE[3:], *rule_fields.COMMON[1:2], *rule_fields.COMMON[3:]), texts, slots)
    return texts, slots


def _row(fields: tuple[Field, ...], texts: dict[Field, str], slots: dict[str, Any]) -> None:
    for start in range(0, len(fields), _ACROSS):
        for place, field in zip(st.columns(_ACROSS, gap="small"), fields[start : start + _ACROSS], strict=False):
            with place:
                texts[field] = _control(field)
                slots[field.name] = st.empty()


def _control(field: Field) -> str:
    key, told = f"r_{field.name}", field.help or None
    if field.how == "choice":
        return st.selectbox(field.label, field.options, key=key, bind="query-params", help=told)
    shown = "such as 30s, 5m, 1h" if field.how == "period" else None
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


def _buttons(found: Picture, chosen: Chosen, rule: Rule | None, trouble: str, *, named: bool) -> None:
    there = found.named(rule.name) if rule is not None and named else None
    of_file = there is not None and there.source == "file"
    tried = rule is not None and backtest_card.is_tried(rule)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if st.button("Backtest", key="r_test", type="secondary" if tried else "primary", disabled=rule is None):
            with boundary("Backtest"), st.spinner("Judging the window…"):
                assert rule is not None
                backtest_card.try_(rule, chosen)
            st.rerun()
        label = "Save changes" if there is not None else "Save rule"
        disabled = not (tried and named) or of_file
        if st.button(label, key="r_save", type="primary" if tried else "secondary", disabled=disabled):
            assert rule is not None
            _save(rule, there)
        st.caption(frame.literal(trouble or _why_not(named=named, tried=tried, of_file=of_file)), width="stretch")


def _why_not(*, named: bool, tried: bool, of_file: bool) -> str:
    if of_file:
        return f"{rule_files.NAME} has a rule of this name: change it there, or choose another name."
    if not tried:
        return "Backtest shows when it would have fired; then it can be saved."
    return "" if named else "Give it a name to save it."


def _save(rule: Rule, there: Rule | None) -> None:
    with boundary("Save"), book.opened() as ledger:
        if there is None:
            rule_files.add(ledger, from_environment().log.absolute(), rule, now_ns())
        else:
            rule_files.change(ledger, replace(rule, enabled=there.enabled))
        st.toast(f"Saved “{frame.literal(rule.name)}”.", icon=":material/check:")
        st.query_params["a_rule"] = rule.name
        st.rerun()

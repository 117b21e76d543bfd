"""All rules with how they stand; a click selects one to change, silence for a while, switch off or remove."""

from dataclasses import replace
from typing import Final

import streamlit as st
from pandas import DataFrame

from obs_core.alerts import ledger
from obs_core.alerts.rules import parsing, sources
from obs_core.alerts.rules.model import Rule
from obs_core.alerts.snapshot import AlertsSnapshot
from obs_core.clock import SECOND, now_ns
from obs_core.ui.alerts import ledger_access, rule_builder, rule_fields
from obs_core.ui.alerts.alert_table import RULE
from obs_core.ui.kit import formatting, table
from obs_core.ui.kit.durations import snooze_end_ns, snooze_end_text
from obs_core.ui.kit.text import plain
from obs_core.ui.shell.panel import boundary

_ENDS: Final = ("15m", "1h", "8h", "1d", "7d")
_TOLD_ELSEWHERE: Final = frozenset(
    {"name", "kind", "figure", "process", "group", "data", "function", "enabled", "snoozed_until"}
)


def rule_list(found: AlertsSnapshot) -> Rule | None:
    """Draw the rules; return the one that the link names, which a click changes."""
    if not found.rules:
        st.caption("No rules yet: build one below. Rules can also stand in rules.toml beside the log.")
        return None
    columns = {"Name": 160, "Kind": 100, "From": 64, "State": 130, "Firing": 70}
    place = table.newly_selected("r_all", table.clickable(shown(found), key="r_all", columns=columns))
    if place is not None:
        st.query_params[RULE] = found.rules[place].name
    rule = found.named(st.query_params.get(RULE, ""))
    if rule is not None:
        _actions(rule)
    return rule


def shown(found: AlertsSnapshot) -> DataFrame:
    """The table of the rules."""
    now = now_ns()
    rules = found.rules
    firing = [each.rule.name for each in found.alerts if each.state in {"firing", "flapping", "no data"}]
    return DataFrame(
        {
            "Name": [plain(rule.name, 200) for rule in rules],
            "Kind": [rule_fields.kind_of(rule) for rule in rules],
            "From": [rule.source for rule in rules],
            "State": [_state(rule, now) for rule in rules],
            "Firing": [firing.count(rule.name) for rule in rules],
            "Looks at": [plain(rule_fields.scope_words(rule), 300) for rule in rules],
            "Condition": [plain(rule_fields.condition_words(rule, parsing.facts_of(rule)), 300) for rule in rules],
        }
    )


def _state(rule: Rule, now: int) -> str:
    if not rule.enabled:
        return "○ off"
    return f"◌ snoozed to {snooze_end_text(rule.snoozed_until_ns, now)}" if rule.is_snoozed(now) else "● on"


def _actions(rule: Rule) -> None:
    ours = rule.source == "page"
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{formatting.escape_markdown(plain(rule.name, 100))}**", width="content")
        if ours:
            texts = rule_fields.texts_of(parsing.facts_of(rule))
            st.button("Edit", key="r_edit", icon=":material/edit:", on_click=rule_builder.fill, args=(texts,))
            if st.button("Switch off" if rule.enabled else "Switch on", key="r_enable"):
                _change(replace(rule, enabled=not rule.enabled, snoozed_until_ns=None))
        snooze(rule, key="r")
        if ours:
            with st.popover("Remove"):
                st.markdown("Its alerts end; its flips stay.")
                if st.button("Remove the rule", key="r_remove", type="primary"):
                    _remove(rule.name)
        else:
            st.caption(f"From {sources.NAME}: change it there.", width="content")


def snooze(rule: Rule, *, key: str) -> None:
    """Where nothing of a rule shall be sent for a while: until when, and how to end it."""
    if rule.is_snoozed(now_ns()):
        if st.button("End the snooze", key=f"{key}_wake"):
            _snooze(rule.name, now_ns())
        return
    with st.popover("Snooze", icon=":material/snooze:"):
        end = st.selectbox(
            "Until", _ENDS, index=1, key=f"{key}_until", accept_new_options=True, help="15m, 8h, 2d, or an ISO time"
        )
        if st.button("Snooze it", key=f"{key}_snooze", type="primary"):
            with boundary("Snooze"):
                _snooze(rule.name, snooze_end_ns(end or "", now_ns()))


def _snooze(name: str, until: int) -> None:
    with boundary("Snooze"), ledger_access.opened() as ledger_:
        ledger.snooze(ledger_, name, until // SECOND * SECOND)
        st.rerun()


def _change(rule: Rule) -> None:
    with boundary("Change"), ledger_access.opened() as ledger_:
        sources.change(ledger_, rule)
        st.rerun()


def _remove(name: str) -> None:
    with boundary("Remove"), ledger_access.opened() as ledger_:
        sources.remove(ledger_, name)
        st.query_params.pop(RULE, None)
        st.rerun()

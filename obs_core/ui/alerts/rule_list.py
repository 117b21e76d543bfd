"""The list of all rules with their state; a click selects one to edit, snooze, disable or remove."""

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
from obs_core.ui.kit import formatting, navigation, table
from obs_core.ui.kit.durations import snooze_end_ns, snooze_end_text
from obs_core.ui.kit.text import plain
from obs_core.ui.shell.panel import boundary

_ENDS: Final = ("15m", "1h", "8h", "1d", "7d")


def rule_list(snapshot: AlertsSnapshot) -> Rule | None:
    """Draw the rules; return the one in the link, which a click changes."""
    if not snapshot.rules:
        st.caption("No rules yet: make one below. Rules can also be defined in rules.toml next to the log.")
        return None
    columns = {"Name": 160, "Kind": 100, "From": 64, "State": 130, "Firing": 70}
    linked = st.query_params.get(RULE)
    selected = [] if linked is None else [(linked,)]
    ids = [(rule.name,) for rule in snapshot.rules]
    clicked = table.clickable(rows(snapshot), ids, key="r_all", selected=selected, columns=columns)
    if clicked is not None:
        navigation.update_link(**{RULE: clicked[0]})
    rule = snapshot.named(st.query_params.get(RULE, ""))
    if rule is not None:
        _actions(rule)
    return rule


def rows(snapshot: AlertsSnapshot) -> DataFrame:
    """Return the table of the rules."""
    now = now_ns()
    rules = snapshot.rules
    firing = [alert.rule.name for alert in snapshot.alerts if alert.state in {"firing", "flapping", "no data"}]
    return DataFrame(
        {
            "Name": [plain(rule.name, 200) for rule in rules],
            "Kind": [rule.kind for rule in rules],
            "From": [rule.source for rule in rules],
            "State": [_state(rule, now) for rule in rules],
            "Firing": [firing.count(rule.name) for rule in rules],
            "Scope": [plain(rule_fields.scope_summary(rule), 300) for rule in rules],
            "Condition": [plain(rule_fields.condition_summary(rule), 300) for rule in rules],
        }
    )


def _state(rule: Rule, now: int) -> str:
    if not rule.enabled:
        return "○ disabled"
    return f"◌ snoozed to {snooze_end_text(rule.snoozed_until_ns, now)}" if rule.is_snoozed(now) else "● enabled"


def _actions(rule: Rule) -> None:
    editable = rule.source == "page"
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{formatting.escape_markdown(plain(rule.name, 100))}**", width="content")
        if editable:
            texts = rule_fields.texts_of(parsing.rule_table(rule))
            st.button("Edit", key="r_edit", icon=":material/edit:", on_click=rule_builder.fill, args=(texts,))
            if st.button("Disable" if rule.enabled else "Enable", key="r_enable"):
                _change(replace(rule, enabled=not rule.enabled, snoozed_until_ns=None))
        snooze(rule, key="r")
        if editable:
            with st.popover("Remove"):
                st.markdown("Active alerts resolve; history is kept.")
                if st.button("Remove rule", key="r_remove", type="primary"):
                    _remove(rule.name)
        else:
            st.caption(f"Defined in {sources.NAME}; edit it there.", width="content")


def snooze(rule: Rule, *, key: str) -> None:
    """Draw the control that suppresses a rule's notifications until a time, or ends that."""
    if rule.is_snoozed(now_ns()):
        if st.button("Unsnooze", key=f"{key}_wake"):
            _snooze(rule.name, now_ns())
        return
    with st.popover("Snooze", icon=":material/snooze:"):
        end = st.selectbox(
            "Until", _ENDS, index=1, key=f"{key}_until", accept_new_options=True, help="15m, 8h, 2d, or an ISO time"
        )
        if st.button("Snooze", key=f"{key}_snooze", type="primary"):
            with boundary("Snooze"):
                _snooze(rule.name, snooze_end_ns(end or "", now_ns()))


def _snooze(name: str, end_ns: int) -> None:
    with boundary("Snooze"), ledger_access.opened() as connection:
        ledger.snooze(connection, name, end_ns // SECOND * SECOND)
        st.rerun()


def _change(rule: Rule) -> None:
    with boundary("Change"), ledger_access.opened() as connection:
        sources.change(connection, rule)
        st.rerun()


def _remove(name: str) -> None:
    with boundary("Remove"), ledger_access.opened() as connection:
        sources.remove(connection, name)
        navigation.update_link(**{RULE: None})
        st.rerun()

"""The views of the Alerts page: active alerts, rules and webhooks."""

from functools import partial
from typing import Any, Final

import streamlit as st

from obs_core.alerts.rules.model import Rule
from obs_core.alerts.snapshot import AlertsSnapshot, AlertView
from obs_core.query.questions import values
from obs_core.ui.alerts import rule_builder, webhook_form, webhook_list
from obs_core.ui.alerts.alert_card import alert_card, history_card
from obs_core.ui.alerts.alert_details import stale_by_rules
from obs_core.ui.alerts.alert_table import RULE, alert_table
from obs_core.ui.alerts.rule_list import rule_list, snooze
from obs_core.ui.alerts.stale_values import criteria, streak_table, suggestion_of
from obs_core.ui.series import stale
from obs_core.ui.series.series_card import series_card
from obs_core.ui.series.silence import silence_suggestions, silent_card
from obs_core.ui.shell import rule_suggestions, window_status
from obs_core.ui.shell.answers import ask
from obs_core.ui.shell.panel import panel
from obs_core.ui.shell.scope import PageScope

NOW: Final = "Now"
WEBHOOKS: Final = "Webhooks"
VIEWS: Final = (NOW, rule_suggestions.RULES, WEBHOOKS)


def view() -> str:
    """Draw the control that selects a view; return the selected one."""
    return st.segmented_control(
        "View",
        VIEWS,
        default=NOW,
        required=True,
        key=rule_suggestions.VIEW,
        bind="query-params",
        label_visibility="collapsed",
    )


def active_alerts(snapshot: AlertsSnapshot, scope: PageScope) -> None:
    """The active alerts, and the details of the selected one."""
    selected: AlertView | None = None
    with panel("Active alerts", "Select an alert for details"):
        selected = alert_table(snapshot, scope)
    if selected:
        alert_card(snapshot, scope, selected)
    if rule := snapshot.named(st.query_params.get(RULE, "")):
        with panel("History", f"State history of {rule.name}"):
            history_card(rule.name)
            if selected is None:
                snooze(rule, key="a")


def stale_values(snapshot: AlertsSnapshot, scope: PageScope) -> None:
    """The streaks in the window, with or without a rule, and the silent processes."""
    if not window_status.holds_rows(scope):
        return
    selected: dict[str, Any] = {}
    picked = None
    rules = stale_by_rules(snapshot)
    note = "With or without a rule, longest streak first; select one to see its series"
    with panel("Stale values", note, suggestions=lambda: [suggestion_of(selected)], fill=rule_builder.fill):
        selected |= criteria()
        streaks, series = ask(values.streaks, scope, **selected), ask(values.series, scope)
        split = stale.split(scope, streaks, missing=selected["missing"], with_rule=rules)
        picked = streak_table(split, series, rules)
    if picked:
        with panel(
            "Readings",
            " · ".join(picked),
            suggestions=lambda: [suggestion_of(selected, *picked)],
            fill=rule_builder.fill,
        ):
            series_card(scope, *picked, selected, has_rule=picked in rules)
    silent = partial(silence_suggestions, scope)
    with panel("Silent processes", "Nothing in the last 5 minutes", suggestions=silent, fill=rule_builder.fill):
        silent_card(scope)


def rules(snapshot: AlertsSnapshot, scope: PageScope) -> None:
    """The rules with their state history, and the rule builder."""
    selected: Rule | None = None
    with panel("Rules", "Select a rule for details"):
        selected = rule_list(snapshot)
    if selected is not None:
        with panel("History", f"State history of {selected.name}"):
            history_card(selected.name)
    with panel("Rule builder", "Backtest a rule before saving it"):
        rule_builder.rule_form(snapshot, scope)


def webhooks() -> None:
    """The webhooks, the form to add or change one, and the delivery log."""
    with panel("Webhooks", "Secrets and headers are write-only"):
        webhook_list.webhook_list()
    with panel("Add or change a webhook"):
        webhook_form.webhook_form()
    with panel("Delivery log", "Delivery status, newest first"):
        webhook_list.delivery_log()

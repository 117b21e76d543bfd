"""The views of the Alerts page: what is wrong now, the rules, and who is told."""

from functools import partial
from typing import Any, Final

import streamlit as st

from obs_core.alerts.snapshot import AlertsSnapshot
from obs_core.query.questions import values
from obs_core.ui.alerts import rule_builder, webhook_form, webhook_list
from obs_core.ui.alerts.alert_card import alert_card, flips_card
from obs_core.ui.alerts.alert_table import RULE, alert_table, stale_by_rules
from obs_core.ui.alerts.rule_list import rule_list, snooze
from obs_core.ui.alerts.stale_values import criteria, streak_table, suggestion_of
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
    """Draw the control that chooses a view; return the one that is chosen."""
    return st.segmented_control(
        "View",
        VIEWS,
        default=NOW,
        required=True,
        key=rule_suggestions.VIEW,
        bind="query-params",
        label_visibility="collapsed",
    )


def wrong_now(found: AlertsSnapshot, scope: PageScope) -> None:
    """The alerts by rules, and what led to the one that is selected."""
    with panel("Active alerts", "A click shows what led to it"):
        selected = alert_table(found, scope)
    if selected:
        alert_card(found, scope, selected)
    if rule := found.named(st.query_params.get(RULE, "")):
        with panel("History", f"Flips of {rule.name}"):
            flips_card(rule.name)
            if selected is None:
                snooze(rule, key="a")


def stale_now(found: AlertsSnapshot, scope: PageScope) -> None:
    """The streaks of the window with or without a rule, and who is silent."""
    if not window_status.holds_rows(scope):
        return
    selected: dict[str, Any] = {}
    picked = None
    note = "By a rule or not, the worst first; a click shows the series"
    with panel("Stale values", note, suggestions=lambda: [suggestion_of(selected)], fill=rule_builder.fill):
        selected |= criteria()
        streaks, series = ask(values.streaks, scope, **selected), ask(values.series, scope)
        picked = streak_table(streaks, series, stale_by_rules(found))
    if picked:
        with panel(
            "Readings",
            " · ".join(picked),
            suggestions=lambda: [suggestion_of(selected, *picked)],
            fill=rule_builder.fill,
        ):
            series_card(scope, *picked, selected)
    silent = partial(silence_suggestions, scope)
    with panel("Silent processes", "Nothing in the last 5 minutes", suggestions=silent, fill=rule_builder.fill):
        silent_card(scope)


def rules(found: AlertsSnapshot, scope: PageScope) -> None:
    """The rules with their flips, and the builder."""
    with panel("Rules", "A click selects one"):
        selected = rule_list(found)
    if selected is not None:
        with panel("History", f"Flips of {selected.name}"):
            flips_card(selected.name)
    with panel("Rule builder", "A rule is tried before it is saved"):
        rule_builder.rule_form(found, scope)


def webhooks() -> None:
    """Who is told, a form for one more, and what became of the messages."""
    with panel("Webhooks", "Secrets and headers are kept, and never shown"):
        webhook_list.webhook_list()
    with panel("Add or change a webhook"):
        webhook_form.webhook_form()
    with panel("Delivery log", "What became of each message, the newest first"):
        webhook_list.delivery_log()

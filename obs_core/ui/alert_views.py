"""The views of the Alerts page: what is wrong now, the rules, and who is told."""

from functools import partial
from typing import Any, Final

import streamlit as st

from obs_core.alerts.picture import Picture
from obs_core.query import values
from obs_core.ui import rule_form, rule_offers, webhook_form, webhook_list, window_state
from obs_core.ui.alert_card import alert_card, flips_card
from obs_core.ui.alert_table import RULE, alert_table, stale_by_rules
from obs_core.ui.ask import ask
from obs_core.ui.controls import Chosen
from obs_core.ui.panel import panel
from obs_core.ui.rule_list import rule_list, snooze
from obs_core.ui.stale import judged_by, offer_of, series_card, silent_card, silent_offers, streak_table

NOW: Final = "Now"
WEBHOOKS: Final = "Webhooks"
VIEWS: Final = (NOW, rule_offers.RULES, WEBHOOKS)


def view() -> str:
    """Draw the control that chooses a view; return the one that is chosen."""
    return st.segmented_control(
        "View",
        VIEWS,
        default=NOW,
        required=True,
        key=rule_offers.VIEW,
        bind="query-params",
        label_visibility="collapsed",
    )


def wrong_now(found: Picture, chosen: Chosen) -> None:
    """The alerts by rules, and what led to the one that is selected."""
    with panel("Active alerts", "A click shows what led to it"):
        selected = alert_table(found, chosen)
    if selected:
        alert_card(found, chosen, selected)
    if rule := found.named(st.query_params.get(RULE, "")):
        with panel("History", f"Flips of {rule.name}"):
            flips_card(rule.name)
            if selected is None:
                snooze(rule, key="a")


def stale_now(found: Picture, chosen: Chosen) -> None:
    """The streaks of the window with or without a rule, and who is silent."""
    if not window_state.holds_rows(chosen):
        return
    judged: dict[str, Any] = {}
    picked = None
    note = "By a rule or not, the worst first; a click shows the series"
    with panel("Stale values", note, offers=lambda: [offer_of(judged)], fill=rule_form.fill):
        judged |= judged_by()
        streaks, series = ask(values.streaks, chosen, **judged), ask(values.series, chosen)
        picked = streak_table(streaks, series, stale_by_rules(found))
    if picked:
        with panel("Readings", " · ".join(picked), offers=lambda: [offer_of(judged, *picked)], fill=rule_form.fill):
            series_card(chosen, *picked, judged)
    silent = partial(silent_offers, chosen)
    with panel("Silent processes", "Nothing in the last 5 minutes", offers=silent, fill=rule_form.fill):
        silent_card(chosen)


def rules(found: Picture, chosen: Chosen) -> None:
    """The rules with their flips, and the builder."""
    with panel("Rules", "A click selects one"):
        selected = rule_list(found)
    if selected is not None:
        with panel("History", f"Flips of {selected.name}"):
            flips_card(selected.name)
    with panel("Rule builder", "A rule is tried before it is saved"):
        rule_form.rule_form(found, chosen)


def webhooks() -> None:
    """Who is told, a form for one more, and what became of the messages."""
    with panel("Webhooks", "Secrets and headers are kept, and never shown"):
        webhook_list.webhook_list()
    with panel("Add or change a webhook"):
        webhook_form.webhook_form()
    with panel("Delivery log", "What became of each message, the newest first"):
        webhook_list.delivery_log()

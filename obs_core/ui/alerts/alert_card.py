"""One alert: its details, its readings, the code that wrote them, and its state history."""

import json
import re
from dataclasses import replace
from functools import partial
from typing import Final

import streamlit as st
from pandas import DataFrame

from obs_core.alerts import backtest, ledger
from obs_core.alerts.backtest import BacktestResult
from obs_core.alerts.rules.kinds.stale import Stale
from obs_core.alerts.rules.sliding_window import Calls
from obs_core.alerts.snapshot import AlertsSnapshot, AlertView
from obs_core.clock import now_ns
from obs_core.query.questions import inspector, versions
from obs_core.ui.alerts import alert_details, backtest_card, chart_annotations, ledger_access
from obs_core.ui.alerts.rule_list import snooze
from obs_core.ui.kit import formatting, navigation, table
from obs_core.ui.kit.text import plain
from obs_core.ui.series.series_card import series_card
from obs_core.ui.shell import layout
from obs_core.ui.shell.answers import ask
from obs_core.ui.shell.panel import panel
from obs_core.ui.shell.rule_suggestions import RULES, VIEW
from obs_core.ui.shell.scope import PageScope
from obs_core.ui.shell.source_card import source_card

_HISTORY_LIMIT: Final = 200
_CHARTED: Final = 2_000  # newest transitions of the rule; those of the alert are drawn
_URL: Final = re.compile(r"https?://[^\s<>\"]+")
_DEFAULT_STALE: Final = Stale()
_SHOWN_ELSEWHERE: Final = frozenset({"value", "repeats", "first_seen", "last_change", "code_function"})  # annotations


def alert_card(snapshot: AlertsSnapshot, scope: PageScope, alert: AlertView) -> None:
    """Draw the details of an alert, its readings or calls, its source function, and its actions."""
    condition, everyone = alert.rule.condition, replace(scope, group=None)
    process, data = alert.labels.get("process"), alert.labels.get("data")
    with panel("Alert", f"{plain(alert.rule.name, 100)} · {alert_details.series_of(alert)}"):
        lengths = alert_details.lengths_of(replace(snapshot, alerts=[alert]), scope)
        first_ns = alert_details.first_ns(alert, alert_details.first_seen([alert]))
        st.html(layout.detail_list(_details(alert, alert_details.repeats(alert, lengths), first_ns, now_ns())))
        _links(alert)
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            snooze(alert.rule, key="a")
            st.button("Show rule", icon=":material/rule:", key="a_to_rule", on_click=_show_rule)
        past, is_stale = _past(alert), isinstance(condition, Stale)
        if isinstance(condition, Calls):
            backtest_card.calls_card(alert.rule, scope, past)
        elif process and data:
            parameters = alert_details.streak_parameters(condition if isinstance(condition, Stale) else _DEFAULT_STALE)
            marks = partial(chart_annotations.annotations, alert.rule, [] if is_stale else past.firings, past.flapping)
            key = "a_alert_readings"
            series_card(
                everyone, process, data, parameters, key=key, marks=marks, fires=not is_stale, has_rule=is_stale
            )
    function = alert.annotations.get("code_function") or alert.labels.get("function")
    if function:
        with panel("Source function" if data else "Function", plain(function, 200)):
            source_card(
                ask(versions.list_, everyone, function=function),
                ask(inspector.failures, everyone, function=function),
                {},
            )
            navigation.page_link("code_inspector", label="Open in the Code Inspector", f_fn=function)


def _past(alert: AlertView) -> BacktestResult:
    """When the alert fired and flapped, from the newest transitions of its rule."""
    with ledger_access.opened() as connection:
        newest = ledger.newest_transitions(connection, alert.rule.name, _CHARTED)
    own = [transition for transition in reversed(newest) if transition.fingerprint == alert.fingerprint]
    return backtest.from_transitions(own, now_ns())


def history_card(rule: str) -> None:
    """Draw the newest transitions of `rule`, newest first."""
    if not ledger_access.is_there():
        st.caption("Not evaluated yet.")
        return
    with ledger_access.opened() as connection:
        newest = ledger.newest_transitions(connection, rule, _HISTORY_LIMIT)
    if not newest:
        st.caption("No state changes.")
        return
    shown = DataFrame(
        {
            "Time": [formatting.format_time(transition.timestamp_ns) for transition in newest],
            "State change": [
                alert_details.state_change(transition.state_from, transition.state_to) for transition in newest
            ],
            "Note": [_note(transition) for transition in newest],
            "Severity": [plain(transition.severity, 40) for transition in newest],
            "Series": [_series(transition) for transition in newest],
            "Value": [plain(transition.value, 200) for transition in newest],
            "Fired for": [_fired_for(transition) for transition in newest],
        }
    )
    st.dataframe(
        shown,
        hide_index=True,
        row_height=table.ROW_HEIGHT,
        height="content" if len(shown) <= 8 else 300,  # noqa: PLR2004 - then it scrolls
        placeholder="\N{EN DASH}",
    )


def _note(transition: ledger.AlertTransition) -> str:
    if transition.while_flapping:
        return "not sent: flapping"
    return "not sent: past when the rule was made" if transition.is_history else ""


def _details(alert: AlertView, repeats: int | None, first_ns: int | None, now: int) -> dict[str, str]:
    """The details of the alert, its state first; times in full."""
    since = alert.starts_ns or alert.since_ns
    details = {
        "State": f"{alert_details.MARKS[alert.state]} · {plain(alert.severity, 40)}",
        "Resolved at" if alert.state == "resolved" else "Since": formatting.format_time(since),
        "For": formatting.NOT_MEASURED if alert.state == "resolved" else formatting.duration(max(0, now - since) / 1e6),
        "Value": plain(alert.value, 200) or formatting.NOT_MEASURED,
    }
    if repeats is not None:
        details |= {
            "Repeats": formatting.count(repeats),
            "First seen": formatting.format_time(first_ns),
            "Last change": formatting.format_time(alert_details.annotation_ns(alert, "last_change")),
        }
    details["Rule"] = f"{plain(alert.rule.name, 200)} ({alert.rule.kind}, from {alert.rule.source})"
    if alert.rule.snoozed_until_ns is not None and alert.rule.snoozed_until_ns > now:
        details["Snoozed until"] = formatting.format_time(alert.rule.snoozed_until_ns)
    annotations = {
        name: text for name, text in alert.annotations.items() if name not in _SHOWN_ELSEWHERE and not _is_url(text)
    }
    return details | {name.replace("_", " ").capitalize(): plain(text, 500) for name, text in annotations.items()}


def _links(alert: AlertView) -> None:
    """Draw the URLs among the annotations, such as a runbook's, as links."""
    urls = {name: text for name, text in alert.annotations.items() if _is_url(text)}
    if urls:
        with st.container(horizontal=True, gap="small"):
            for name, url in urls.items():
                label = formatting.escape_markdown(plain(name, 60).replace("_", " ").capitalize())
                st.link_button(label, url, icon=":material/open_in_new:")


def _is_url(text: str) -> bool:
    return _URL.fullmatch(text) is not None


def _show_rule() -> None:
    st.session_state[VIEW] = RULES


def _series(transition: ledger.AlertTransition) -> str:
    labels = {name: str(text) for name, text in json.loads(transition.labels).items()}
    own = [label for label in labels.items() if label[0] not in alert_details.OWN_COLUMNS]
    return plain(" · ".join(text for _, text in sorted(own, key=alert_details.process_first)), 300)


def _fired_for(transition: ledger.AlertTransition) -> str:
    if transition.starts_ns is None or transition.ends_ns is None:
        return formatting.NOT_MEASURED
    return formatting.duration((transition.ends_ns - transition.starts_ns) / 1e6)

"""One alert: what is known of it, its readings, the code that wrote them, and its flips."""

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
from obs_core.ui.alerts import alert_table, backtest_card, chart_annotations, ledger_access
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

_FLIPS: Final = 200
_DRAWN: Final = 2_000  # newest flips of the rule, of which those of one alert are drawn
_ADDRESS: Final = re.compile(r"https?://[^\s<>\"]+")
_USUAL: Final = Stale()
_TOLD: Final = frozenset(
    {"value", "repeats", "first_seen", "last_change", "code_function"}
)  # of the annotations, what stands elsewhere


def alert_card(found: AlertsSnapshot, scope: PageScope, alert: AlertView) -> None:
    """Draw what led to the alert, and what can be done about it."""
    condition, everyone = alert.rule.condition, replace(scope, group=None)
    process, data = alert.labels.get("process"), alert.labels.get("data")
    with panel("Alert", f"{plain(alert.rule.name, 100)} · {alert_table.series_of(alert)}"):
        lengths = alert_table.lengths_of(replace(found, alerts=[alert]), scope)
        first_ns = alert_table.first_ns(alert, alert_table.first_seen([alert]))
        st.html(layout.detail_list(_facts(alert, alert_table.repeats(alert, lengths), first_ns, now_ns())))
        _links(alert)
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            snooze(alert.rule, key="a")
            st.button("Its rule", icon=":material/rule:", key="a_to_rule", on_click=_show_rule)
        past, is_stale = _past(alert), isinstance(condition, Stale)
        if isinstance(condition, Calls):
            backtest_card.calls_card(alert.rule, scope, past)
        elif process and data:
            parameters = alert_table.streak_parameters(condition if isinstance(condition, Stale) else _USUAL)
            marks = partial(chart_annotations.annotations, alert.rule, [] if is_stale else past.firings, past.flapping)
            key = "a_alert_readings"
            series_card(everyone, process, data, parameters, key=key, marks=marks, fires=not is_stale)
    function = alert.annotations.get("code_function") or alert.labels.get("function")
    if function:
        wrote = "The function that wrote it" if data else "The function"
        with panel(wrote, plain(function, 200)):
            source_card(
                ask(versions.list_, everyone, function=function),
                ask(inspector.failures, everyone, function=function),
                {},
            )
            navigation.page_link("code_inspector", label="Open it in the Code Inspector", f_fn=function)


def _past(alert: AlertView) -> BacktestResult:
    """When the alert fired and flapped, as far as its rule's newest flips tell."""
    with ledger_access.opened() as found:
        flips = ledger.newest_transitions(found, alert.rule.name, _DRAWN)
    own = [flip for flip in reversed(flips) if flip.fingerprint == alert.fingerprint]
    return backtest.from_transitions(own, now_ns())


def flips_card(rule: str) -> None:
    """The newest flips of `rule`, the newest first."""
    if not ledger_access.is_there():
        st.caption("Nothing was judged yet.")
        return
    with ledger_access.opened() as found:
        flips = ledger.newest_transitions(found, rule, _FLIPS)
    if not flips:
        st.caption("It has not flipped: nothing was pending or fired.")
        return
    shown = DataFrame(
        {
            "Moment": [formatting.format_time(flip.timestamp_ns) for flip in flips],
            "Change": [change(flip.state_from, flip.state_to) for flip in flips],
            "Note": ["not sent: it flaps" if flip.while_flapping else "" for flip in flips],
            "Severity": [plain(flip.severity, 40) for flip in flips],
            "Series": [_series(flip) for flip in flips],
            "Value": [plain(flip.value, 200) for flip in flips],
            "Fired for": [_length(flip) for flip in flips],
        }
    )
    st.dataframe(
        shown,
        hide_index=True,
        row_height=table.ROW_HEIGHT,
        height="content" if len(shown) <= 8 else 300,  # noqa: PLR2004 - then it scrolls
        placeholder="\N{EN DASH}",
    )


def _facts(alert: AlertView, repeats: int | None, first_ns: int | None, now: int) -> dict[str, str]:
    """What is known of the alert, what it says first; moments in full."""
    since = alert.starts_ns or alert.since_ns
    facts = {
        "State": f"{alert_table.MARKS[alert.state]} · {plain(alert.severity, 40)}",
        "Resolved at" if alert.state == "resolved" else "Since": formatting.format_time(since),
        "For": formatting.NOT_MEASURED if alert.state == "resolved" else formatting.duration(max(0, now - since) / 1e6),
        "Value": plain(alert.value, 200) or formatting.NOT_MEASURED,
    }
    if repeats is not None:
        facts |= {
            "Repeats": formatting.count(repeats),
            "First seen": formatting.format_time(first_ns),
            "Last change": formatting.format_time(alert_table.told_ns(alert, "last_change")),
        }
    facts["Rule"] = f"{plain(alert.rule.name, 200)} ({alert.rule.kind}, from {alert.rule.source})"
    if alert.rule.snoozed_until_ns is not None and alert.rule.snoozed_until_ns > now:
        facts["Snoozed until"] = formatting.format_time(alert.rule.snoozed_until_ns)
    told = {name: text for name, text in alert.annotations.items() if name not in _TOLD and not _is_address(text)}
    return facts | {name.replace("_", " ").capitalize(): plain(text, 500) for name, text in told.items()}


def _links(alert: AlertView) -> None:
    """The addresses among the annotations, such as a runbook's."""
    addresses = {name: text for name, text in alert.annotations.items() if _is_address(text)}
    if addresses:
        with st.container(horizontal=True, gap="small"):
            for name, address in addresses.items():
                label = formatting.escape_markdown(plain(name, 60).replace("_", " ").capitalize())
                st.link_button(label, address, icon=":material/open_in_new:")


def _is_address(text: str) -> bool:
    return _ADDRESS.fullmatch(text) is not None


def _show_rule() -> None:
    st.session_state[VIEW] = RULES


def change(before: str, after: str) -> str:
    """A change of state in words, with the mark of the new one in front."""
    mark = next((mark for state, mark in alert_table.MARKS.items() if state == after), "· ")
    return f"{mark[:1]} {before} → {after}"


def _series(flip: ledger.AlertTransition) -> str:
    labels = {name: str(text) for name, text in json.loads(flip.labels).items()}
    named = sorted(
        (each for each in labels.items() if each[0] not in alert_table.BESIDE), key=alert_table.process_first
    )
    return plain(" · ".join(text for _, text in named), 300)


def _length(flip: ledger.AlertTransition) -> str:
    known = flip.starts_ns is not None and flip.ends_ns is not None
    return formatting.duration((flip.ends_ns - flip.starts_ns) / 1e6) if known else formatting.NOT_MEASURED  # type: ignore[operator]

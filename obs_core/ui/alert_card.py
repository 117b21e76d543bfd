"""One alert: what is known of it, its readings, the code that wrote them, and its flips."""

import json
from typing import Final

import streamlit as st
from pandas import DataFrame

from obs_core.alerts import ledger
from obs_core.alerts.picture import Shown
from obs_core.alerts.rules import Calls, Stale
from obs_core.query import inspector, versions
from obs_core.ui import alert_table, backtest_card, book, frame, links, rule_fields, table
from obs_core.ui.ask import ask
from obs_core.ui.controls import Chosen
from obs_core.ui.panel import panel
from obs_core.ui.plain import plain
from obs_core.ui.source_card import source_card
from obs_core.ui.stale import series_card

_FLIPS: Final = 200
_USUAL: Final = Stale()


def alert_card(chosen: Chosen, alert: Shown) -> None:
    """Draw what led to the alert, and what it did."""
    series = (alert.labels.get("process"), alert.labels.get("data"))
    with panel("Alert", f"{alert.rule.name} · {alert_table.series_of(alert)}"):
        st.html(frame.facts(_facts(alert)))
        if series[0] and series[1]:
            judged = alert.rule.condition if isinstance(alert.rule.condition, Stale) else _USUAL
            series_card(chosen, series[0], series[1], alert_table.streak_parameters(judged), key="a_alert_readings")
        elif isinstance(alert.rule.condition, Calls):
            ends = alert.since_ns if alert.state == "resolved" else None
            backtest_card.calls_card(alert.rule, chosen, alert.starts_ns, ends)
    function = alert.annotations.get("code_function") or alert.labels.get("function")
    if function:
        with panel("The function that wrote it", function):
            source_card(
                ask(versions.ran, chosen, function=function), ask(inspector.failures, chosen, function=function), {}
            )
            links.to("code_inspector", label="Open it in the Code Inspector", f_fn=function)


def flips_card(rule: str) -> None:
    """The newest flips of `rule`, the newest first."""
    if not book.is_there():
        st.caption("Nothing was judged yet.")
        return
    with book.opened() as found:
        flips = ledger.newest_flips(found, rule, _FLIPS)
    if not flips:
        st.caption("It has not flipped: nothing was pending or fired.")
        return
    shown = DataFrame(
        {
            "Moment": [frame.moment(flip.moment_ns) for flip in flips],
            "Change": [f"{flip.state_from} → {flip.state_to}" for flip in flips],
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


def _facts(alert: Shown) -> dict[str, str]:
    told = {name.replace("_", " ").capitalize(): plain(text, 500) for name, text in alert.annotations.items()}
    facts = {
        "State": f"{alert_table.MARKS[alert.state]} · {plain(alert.severity, 40)}",
        "In this state since": frame.moment(alert.since_ns),
        "Fires since": frame.moment(alert.starts_ns),
        "Rule": f"{plain(alert.rule.name, 200)} ({rule_fields.kind_of(alert.rule)}, from {alert.rule.source})",
    }
    if alert.rule.snoozed_until_ns is not None:
        facts["Snoozed until"] = frame.moment(alert.rule.snoozed_until_ns)
    return facts | {name: text for name, text in told.items() if name not in {"First seen", "Last change", "Repeats"}}


def _series(flip: ledger.Flip) -> str:
    labels = {name: str(text) for name, text in json.loads(flip.labels).items()}
    return plain(" · ".join(text for name, text in labels.items() if name not in {"alertname", "severity"}), 300)


def _length(flip: ledger.Flip) -> str:
    known = flip.starts_ns is not None and flip.ends_ns is not None
    return frame.duration((flip.ends_ns - flip.starts_ns) / 1e6) if known else frame.NOT_MEASURED  # type: ignore[operator]

"""The alerts that are not quiet, the worst first; a click selects one."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import streamlit as st
from pandas import DataFrame

from obs_core.alerts import states
from obs_core.alerts.picture import Picture, Shown
from obs_core.alerts.rules import Stale
from obs_core.clock import iso_ns, now_ns
from obs_core.query import values
from obs_core.ui import alert_course, frame, table
from obs_core.ui.ask import ask
from obs_core.ui.controls import Chosen
from obs_core.ui.plain import plain

MARKS: Final[dict[states.Shown, str]] = {
    "firing": "● firing",
    "flapping": "≋ flapping",
    "no data": "○ no data",
    "pending": "◐ pending",
    "snoozed": "◌ snoozed",
    "resolved": "✓ resolved",
    "inactive": "✓ quiet",
}
RULE: Final = "a_rule"
ALERT: Final = "a_alert"
_BESIDE: Final = frozenset({"alertname", "severity"})
_MOST: Final = 1_000  # rows; the tiles count all
_VARIANTS: Final = 8  # of stale rules whose streaks are asked for anew; the others show what was said when they fired
_DRAWN: Final = 200  # alerts with a picture of their course: the worst
_COLUMNS: Final[dict[str, Any]] = {
    "State": 84,
    "Severity": 68,
    "Rule": 104,
    "Series": 128,
    "Value": 80,
    "Course": st.column_config.ImageColumn(width=122, help="Over the chosen window; shaded while it fires"),
    "Repeats": st.column_config.NumberColumn(width=66, format="localized"),
    "Since": st.column_config.TextColumn(width=92, help="Since when it fires, or is in its state"),
    "First seen": st.column_config.TextColumn(width=92, help="When the value that repeats was first read"),
    "Last change": st.column_config.TextColumn(width=92, help="When the value last changed"),
}


def alert_table(found: Picture, chosen: Chosen) -> Shown | None:
    """Draw the alerts; return the one that the link names, which a click changes."""
    if not found.rules and not found.trouble:
        st.info(
            "No rules yet. Make one under “Rules”, or from a stale value below; from the shell: "
            "`python -m obs_core rules add NAME stale threshold=5`",
            icon=":material/notification_add:",
        )
        return None
    if not found.alerts:
        st.caption("Nothing is wrong by any rule.")
        return None
    drawn = alert_course.pictures(found.alerts[:_DRAWN], chosen)
    listed = shown(found, lengths_of(found, chosen), drawn, now_ns())
    place = table.anew("a_active", table.clickable(listed, key="a_active", columns=_COLUMNS))
    if place is not None:
        st.query_params[RULE] = found.alerts[place].rule.name
        st.query_params[ALERT] = found.alerts[place].fingerprint
    if len(found.alerts) > _MOST:
        st.caption(f"The worst {frame.count(_MOST)} of {frame.count(len(found.alerts))} are listed.")
    return selected(found)


def selected(found: Picture) -> Shown | None:
    """The alert that the link names, by itself or by its rule."""
    rule, alert = st.query_params.get(RULE), st.query_params.get(ALERT)
    of_rule = [each for each in found.alerts if each.rule.name == rule]
    return next((each for each in of_rule if each.fingerprint == alert), of_rule[0] if of_rule else None)


def shown(found: Picture, lengths: dict[tuple[str, str, str], int], drawn: Sequence[str | None], now: int) -> DataFrame:
    """The table; `lengths` are those of the streaks now (see `lengths_of`), `drawn` the first alerts' courses."""
    alerts = found.alerts[:_MOST]
    return DataFrame(
        {
            "State": [MARKS[alert.state] for alert in alerts],
            "Severity": [plain(alert.severity, 40) for alert in alerts],
            "Rule": [plain(alert.rule.name, 200) for alert in alerts],
            "Series": [series_of(alert) for alert in alerts],
            "Value": [plain(alert.value, 200) for alert in alerts],
            "Course": [*drawn, *[None] * (len(alerts) - len(drawn))],
            "Repeats": [repeats(alert, lengths) for alert in alerts],
            "Since": [frame.brief(alert.starts_ns or alert.since_ns, now) for alert in alerts],
            "First seen": [frame.brief(told_ns(alert, "first_seen"), now) for alert in alerts],
            "Last change": [frame.brief(told_ns(alert, "last_change"), now) for alert in alerts],
        }
    )


def stale_by_rules(found: Picture) -> dict[tuple[str, str], str]:
    """By which rules each series is stale now, by process and data."""
    named: dict[tuple[str, str], list[str]] = {}
    for alert in found.alerts:
        if isinstance(alert.rule.condition, Stale) and alert.state not in {"resolved", "inactive"}:
            rules = named.setdefault((alert.labels.get("process", ""), alert.labels.get("data", "")), [])
            rules += [] if alert.rule.name in rules else [alert.rule.name]
    return {series: ", ".join(sorted(rules)) for series, rules in named.items()}


def series_of(alert: Shown) -> str:
    """Whose alert it is: the labels that its rule did not give it."""
    given = _BESIDE | {name for name, _ in alert.rule.labels}
    names = [text for name, text in sorted(alert.labels.items(), key=_process_first) if name not in given]
    return plain(" · ".join(names), 300) or "all"


def streak_parameters(condition: Stale) -> dict[str, object]:
    """What `values.streaks` is asked for this condition."""
    return {
        "threshold": condition.threshold,
        "tolerance": condition.tolerance,
        "missing": condition.missing,
        "ignore": condition.ignore,
        "min_seconds": condition.min_seconds,
    }


def _process_first(label: tuple[str, str]) -> tuple[bool, bool, str]:
    return label[0] != "process", label[0] == "data", label[0]


def lengths_of(found: Picture, chosen: Chosen) -> dict[tuple[str, str, str], int]:
    """How long the streaks that alerts are about are now, by rule, process and data."""
    everyone = replace(chosen, group=None)  # a rule knows its scope by itself
    stale = {alert.rule.name: alert.rule.condition for alert in found.alerts}
    lengths: dict[tuple[str, str, str], int] = {}
    for name, condition in list(stale.items())[:_VARIANTS]:
        if isinstance(condition, Stale):
            streaks = ask(values.streaks, everyone, **streak_parameters(condition))
            going = streaks[streaks["ongoing"]]
            for process, data, length in going[["process", "data", "length"]].itertuples(index=False):
                lengths[name, process, data] = int(length)
    return lengths


def repeats(alert: Shown, lengths: dict[tuple[str, str, str], int]) -> int | None:
    """How many equal readings have followed one another: now, or when it was last told."""
    told = alert.annotations.get("repeats", "")
    key = (alert.rule.name, alert.labels.get("process", ""), alert.labels.get("data", ""))
    return lengths.get(key, int(told) if told.isdecimal() else None)


def told_ns(alert: Shown, name: str) -> int | None:
    """The moment that an annotation of an alert holds."""
    return iso_ns(alert.annotations.get(name, ""))

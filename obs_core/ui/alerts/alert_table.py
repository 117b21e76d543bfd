"""The alerts that are not quiet, the worst first; a click selects one."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import streamlit as st
from pandas import DataFrame

from obs_core.alerts.rules.kinds.stale import Stale
from obs_core.alerts.snapshot import AlertsSnapshot, AlertView
from obs_core.alerts.states import machine
from obs_core.clock import iso_ns, now_ns
from obs_core.query.questions import values
from obs_core.ui.alerts import sparklines
from obs_core.ui.kit import formatting, table
from obs_core.ui.kit.text import plain
from obs_core.ui.shell.answers import ask, engine
from obs_core.ui.shell.scope import PageScope

MARKS: Final[dict[machine.ShownState, str]] = {
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
BESIDE: Final = frozenset({"alertname", "severity"})
_MOST: Final = 1_000  # rows; the tiles count all
_VARIANTS: Final = 8  # of stale rules whose streaks are asked for anew; the others show what was said when they fired
_DRAWN: Final = 200  # alerts with a picture of their course: the worst
_CHARACTER: Final = 6.6  # pixels of a cell's text, with what is around it beside
_NAMES: Final = 284  # pixels of both names: with them the table is as wide as a window of 1280
_HELP: Final = {
    "Since": "Since when it fires, flaps, or is in its state",
    "First seen": "When the value that repeats was read for the first time; empty if the log is too long to look",
    "Last change": "When the value became what it is: the first reading of the streak",
}


def alert_table(found: AlertsSnapshot, scope: PageScope) -> AlertView | None:
    """Draw the alerts; return the one that the link names, which a click changes."""
    if not found.rules and not found.error:
        st.info(
            "No rules yet. Make one under “Rules”, or from a stale value below; from the shell: "
            "`python -m obs_core rules add NAME stale threshold=5`",
            icon=":material/notification_add:",
        )
        return None
    if not found.alerts:
        st.caption("Nothing is wrong by any rule.")
        return None
    drawn = sparklines.pictures(found.alerts[:_DRAWN], scope)
    listed = shown(found, lengths_of(found, scope), first_seen(found.alerts), drawn, now_ns())
    place = table.newly_selected("a_active", table.clickable(listed, key="a_active", columns=_columns(listed)))
    if place is not None:
        st.query_params[RULE] = found.alerts[place].rule.name
        st.query_params[ALERT] = found.alerts[place].fingerprint
    if len(found.alerts) > _MOST:
        st.caption(f"The worst {formatting.count(_MOST)} of {formatting.count(len(found.alerts))} are listed.")
    return selected(found)


def selected(found: AlertsSnapshot) -> AlertView | None:
    """The alert that the link names, by itself or by its rule."""
    rule, alert = st.query_params.get(RULE), st.query_params.get(ALERT)
    of_rule = [each for each in found.alerts if each.rule.name == rule]
    return next((each for each in of_rule if each.fingerprint == alert), of_rule[0] if of_rule else None)


def shown(
    found: AlertsSnapshot,
    lengths: Mapping[tuple[str, str, str], int],
    firsts: Mapping[tuple[str, str, str], int] | None,
    drawn: Sequence[str | None],
    now: int,
) -> DataFrame:
    """The table; `lengths` are those of the streaks now (see `lengths_of`), `drawn` the first alerts' courses.

    `firsts` are those of `first_seen`.
    """
    alerts = found.alerts[:_MOST]
    return DataFrame(
        {
            "State": [MARKS[alert.state] for alert in alerts],
            "Severity": [plain(alert.severity, 40) for alert in alerts],
            "Rule": [plain(alert.rule.name, 200) for alert in alerts],
            "Series": [series_of(alert) for alert in alerts],
            "Value": [_short(plain(alert.value, 200)) for alert in alerts],
            "Course": [*drawn, *[None] * (len(alerts) - len(drawn))],
            "Repeats": [repeats(alert, lengths) for alert in alerts],
            "Since": [formatting.format_time_short(alert.starts_ns or alert.since_ns, now) for alert in alerts],
            "First seen": [formatting.format_time_short(first_ns(alert, firsts), now) for alert in alerts],
            "Last change": [formatting.format_time_short(told_ns(alert, "last_change"), now) for alert in alerts],
        }
    )


def _columns(listed: DataFrame) -> dict[str, Any]:
    """The columns' settings: names as wide as they are, within bounds, so that one can be told from the next."""

    def wide(name: str, least: int, most: int) -> int:
        return round(min(max(listed[name].str.len().max() * _CHARACTER + 18, least), most))

    series = wide("Series", 90, 190)
    return {
        "State": 80,
        "Severity": 66,
        "Rule": wide("Rule", 90, _NAMES - series),
        "Series": series,
        "Value": 70,
        "Course": st.column_config.ImageColumn(width=96, help="Over the chosen window; shaded while it fires"),
        "Repeats": st.column_config.NumberColumn(width=60, format="localized"),
        **{name: st.column_config.TextColumn(width=wide(name, 84, 130), help=told) for name, told in _HELP.items()},
    }


def _short(text: str) -> str:
    """A number of many digits with six of them; all stand in the alert's card."""
    try:
        return f"{float(text):.6g}" if len(text) > 8 else text  # noqa: PLR2004 - as many fit
    except ValueError:
        return text


def stale_by_rules(found: AlertsSnapshot) -> dict[tuple[str, str], str]:
    """By which rules each series is stale now, by process and data."""
    named: dict[tuple[str, str], list[str]] = {}
    for alert in found.alerts:
        if isinstance(alert.rule.condition, Stale) and alert.state not in {"resolved", "inactive"}:
            rules = named.setdefault((alert.labels.get("process", ""), alert.labels.get("data", "")), [])
            rules += [] if alert.rule.name in rules else [alert.rule.name]
    return {series: ", ".join(sorted(rules)) for series, rules in named.items()}


def series_of(alert: AlertView) -> str:
    """Whose alert it is: the labels that its rule did not give it."""
    given = BESIDE | {name for name, _ in alert.rule.labels}
    names = [text for name, text in sorted(alert.labels.items(), key=process_first) if name not in given]
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


def process_first(label: tuple[str, str]) -> tuple[bool, bool, str]:
    """The order of an alert's labels, so that one reads them as a series: its process before its data."""
    return label[0] != "process", label[0] == "data", label[0]


def lengths_of(found: AlertsSnapshot, scope: PageScope) -> dict[tuple[str, str, str], int]:
    """How long the streaks that alerts are about are now, by rule, process and data."""
    everyone = replace(scope, group=None)  # a rule knows its scope by itself
    stale = {alert.rule.name: alert.rule.condition for alert in found.alerts}
    lengths: dict[tuple[str, str, str], int] = {}
    for name, condition in list(stale.items())[:_VARIANTS]:
        if isinstance(condition, Stale):
            streaks = ask(values.streaks, everyone, **streak_parameters(condition))
            going = streaks[streaks["ongoing"]]
            for process, data, length in going[["process", "data", "length"]].itertuples(index=False):
                lengths[name, process, data] = int(length)
    return lengths


def first_seen(alerts: Sequence[AlertView]) -> Mapping[tuple[str, str, str], int] | None:
    """When the values that repeat were first read in the log, by process, data and value: one question for all.

    None: the log is too long to look.
    """
    wanted = sorted({key for alert in alerts[:_MOST] if (key := _value_of(alert)) is not None})
    extent = engine().extent()
    if not wanted or extent is None:
        return {}
    processes, names, texts = zip(*wanted, strict=True)
    whole = PageScope(extent, None, live=False, from_text="first", to_text="last")
    found = ask(values.first_seen, whole, processes=processes, names=names, texts=texts)
    if found.attrs["truncated"]:
        return None
    return {
        (process, data, value): int(first)
        for process, data, value, first in found[["process", "data", "value", "first_ns"]].itertuples(index=False)
    }


def first_ns(alert: AlertView, firsts: Mapping[tuple[str, str, str], int] | None) -> int | None:
    """When the value that repeats was first read: at the latest when its streak began, whose rows may be gone."""
    if firsts is None:
        return None
    key, told = _value_of(alert), told_ns(alert, "first_seen")
    return told if key is None else min((each for each in (firsts.get(key), told) if each is not None), default=None)


def _value_of(alert: AlertView) -> tuple[str, str, str] | None:
    """The series and the value that a stale alert is about; None for other alerts."""
    if not isinstance(alert.rule.condition, Stale) or alert.value is None:
        return None
    return alert.labels.get("process", ""), alert.labels.get("data", ""), alert.value


def repeats(alert: AlertView, lengths: Mapping[tuple[str, str, str], int]) -> int | None:
    """How many equal readings have followed one another: now, or when it was last told."""
    told = alert.annotations.get("repeats", "")
    key = (alert.rule.name, alert.labels.get("process", ""), alert.labels.get("data", ""))
    return lengths.get(key, int(told) if told.isdecimal() else None)


def told_ns(alert: AlertView, name: str) -> int | None:
    """The moment that an annotation of an alert holds."""
    return iso_ns(alert.annotations.get(name, ""))

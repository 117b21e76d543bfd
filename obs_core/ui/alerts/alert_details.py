"""The details of alerts as pages show them: series, streak lengths, first readings and marks of states."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from obs_core.alerts.rules.kinds.stale import Stale
from obs_core.alerts.snapshot import AlertsSnapshot, AlertView
from obs_core.clock import iso_ns
from obs_core.query.questions import values
from obs_core.ui.kit.text import plain
from obs_core.ui.shell import state_badges
from obs_core.ui.shell.answers import ask, log_extent
from obs_core.ui.shell.scope import PageScope

MARKS: Final = state_badges.texts(state_badges.ALERTS)
OWN_COLUMNS: Final = frozenset({"alertname", "severity"})  # labels that tables show in columns of their own
ROW_LIMIT: Final = 1_000  # of a table of alerts; the tiles count all
_QUERIED_RULES: Final = 8  # stale rules with a query for their current streaks; others show the length when they fired

SeriesKey = tuple[str, str, str]


def state_change(before: str, after: str) -> str:
    """A transition in text, with the mark of the new state in front."""
    mark = next((mark for state, mark in MARKS.items() if state == after), "· ")
    return f"{mark[:1]} {before} → {after}"


def stale_by_rules(snapshot: AlertsSnapshot) -> dict[tuple[str, str], str]:
    """The rules by which each series is stale now, by process and data."""
    named: dict[tuple[str, str], list[str]] = {}
    for alert in snapshot.alerts:
        if isinstance(alert.rule.condition, Stale) and alert.state not in {"resolved", "inactive"}:
            rules = named.setdefault((alert.labels.get("process", ""), alert.labels.get("data", "")), [])
            rules += [] if alert.rule.name in rules else [alert.rule.name]
    return {series: ", ".join(sorted(rules)) for series, rules in named.items()}


def series_of(alert: AlertView) -> str:
    """The series of an alert: its labels without those that its rule adds."""
    hidden = OWN_COLUMNS | {name for name, _ in alert.rule.labels}
    names = [text for name, text in sorted(alert.labels.items(), key=process_first) if name not in hidden]
    return plain(" · ".join(names), 300) or "all"


def process_first(label: tuple[str, str]) -> tuple[bool, bool, str]:
    """The sort key of an alert's labels: the process first and the data last, as a series is read."""
    return label[0] != "process", label[0] == "data", label[0]


def streak_parameters(condition: Stale) -> dict[str, object]:
    """The parameters of `values.streaks` for this condition."""
    return {
        "threshold": condition.threshold,
        "tolerance": condition.tolerance,
        "missing": condition.missing,
        "ignore": condition.ignore,
        "min_seconds": condition.min_seconds,
    }


def lengths_of(snapshot: AlertsSnapshot, scope: PageScope) -> dict[SeriesKey, int]:
    """The current lengths of the streaks that alerts are about, by rule, process and data."""
    everyone = replace(scope, group=None)  # a rule has a scope of its own
    stale = {alert.rule.name: alert.rule.condition for alert in snapshot.alerts}
    lengths: dict[SeriesKey, int] = {}
    for name, condition in list(stale.items())[:_QUERIED_RULES]:
        if isinstance(condition, Stale):
            streaks = ask(values.streaks, everyone, **streak_parameters(condition))
            ongoing = streaks[streaks["ongoing"]]
            for process, data, length in ongoing[["process", "data", "length"]].itertuples(index=False):
                lengths[name, process, data] = int(length)
    return lengths


def repeats(alert: AlertView, lengths: Mapping[SeriesKey, int]) -> int | None:
    """The number of equal readings in a row: now, or when the alert last reported it."""
    reported = alert.annotations.get("repeats", "")
    key = (alert.rule.name, alert.labels.get("process", ""), alert.labels.get("data", ""))
    return lengths.get(key, int(reported) if reported.isdecimal() else None)


def first_seen(alerts: Sequence[AlertView]) -> Mapping[SeriesKey, int] | None:
    """When the repeated values were first read in the log, by process, data and value; one question for all alerts.

    None: the log is too long to search.
    """
    keys = sorted({key for alert in alerts[:ROW_LIMIT] if (key := _value_of(alert)) is not None})
    extent = log_extent()
    if not keys or extent is None:
        return {}
    processes, names, texts = zip(*keys, strict=True)
    whole_log = PageScope(extent, None, live=False, from_text="first", to_text="last")
    answer = ask(values.first_seen, whole_log, processes=processes, names=names, texts=texts)
    if answer.attrs["truncated"]:
        return None
    return {
        (process, data, value): int(first)
        for process, data, value, first in answer[["process", "data", "value", "first_ns"]].itertuples(index=False)
    }


def first_ns(alert: AlertView, first_by_value: Mapping[SeriesKey, int] | None) -> int | None:
    """When the repeated value was first read: at the latest at the start of its streak (older rows may be deleted)."""
    if first_by_value is None:
        return None
    key, streak_ns = _value_of(alert), annotation_ns(alert, "first_seen")
    if key is None:
        return streak_ns
    return min((time_ns for time_ns in (first_by_value.get(key), streak_ns) if time_ns is not None), default=None)


def annotation_ns(alert: AlertView, name: str) -> int | None:
    """The time in an annotation of an alert."""
    return iso_ns(alert.annotations.get(name, ""))


def _value_of(alert: AlertView) -> SeriesKey | None:
    """The series and the value of a stale alert; None for other alerts."""
    if not isinstance(alert.rule.condition, Stale) or alert.value is None:
        return None
    return alert.labels.get("process", ""), alert.labels.get("data", ""), alert.value

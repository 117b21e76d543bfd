"""The table of active alerts, most severe first; a click selects one."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import streamlit as st
from pandas import DataFrame

from obs_core.alerts.snapshot import AlertsSnapshot, AlertView
from obs_core.clock import now_ns
from obs_core.ui.alerts import alert_details, sparklines
from obs_core.ui.alerts.alert_details import ROW_LIMIT
from obs_core.ui.kit import formatting, navigation, table
from obs_core.ui.kit.text import plain
from obs_core.ui.shell.panel import boundary
from obs_core.ui.shell.scope import PageScope

RULE: Final = "a_rule"
ALERT: Final = "a_alert"
_SPARKLINE_LIMIT: Final = 200  # alerts with a sparkline: the most severe
_CHARACTER_PX: Final = 6.6  # width of a character in a cell
_NAMES_PX: Final = 284  # width of rule and series together: with them the table fits a window of 1280 px
_HELP: Final = {
    "Since": "Time in the current state",
    "First seen": "When the repeated value was first read; empty if the log is too long to search",
    "Last change": "When the value last changed: the first reading of the streak",
}

_NARROW: Final = {"State": 80, "Series": 168, "Since": 82}


def alert_table(snapshot: AlertsSnapshot, scope: PageScope) -> AlertView | None:
    """Draw the alerts; return the one that the link names, which a click changes."""
    if not snapshot.rules and not snapshot.error:
        st.info(
            "No rules yet. Create one under “Rules” or from a stale value below, or run "
            "`python -m obs_core rules add NAME stale threshold=5`",
            icon=":material/notification_add:",
        )
        return None
    if not snapshot.alerts:
        evaluating = snapshot.unevaluated()
        st.caption("The rules have not been evaluated yet." if evaluating else "No active alerts.")
        return None
    images: list[str | None] = []
    lengths: dict[alert_details.SeriesKey, int] = {}
    first_by_value: Mapping[alert_details.SeriesKey, int] | None = None
    with boundary("Trends"):  # the alerts are listed even if the log does not answer
        images = sparklines.images(snapshot.alerts[:_SPARKLINE_LIMIT], scope)
    with boundary("Repeats"):
        lengths = alert_details.lengths_of(snapshot, scope)
        first_by_value = alert_details.first_seen(snapshot.alerts)
    rows = table_of(snapshot, lengths, first_by_value, images, now_ns())
    ids = [_id(alert) for alert in snapshot.alerts[:ROW_LIMIT]]
    linked = [] if (alert := selected(snapshot)) is None else [_id(alert)]
    clicked = table.clickable(rows, ids, key="a_active", selected=linked, columns=_columns(rows), narrow=_NARROW)
    if clicked is not None:
        navigation.update_link(**{RULE: clicked[0], ALERT: clicked[1]})
    if (total := len(snapshot.alerts)) > ROW_LIMIT:
        st.caption(f"Showing the {formatting.count(ROW_LIMIT)} most severe of {formatting.count(total)}.")
    return selected(snapshot)


def selected(snapshot: AlertsSnapshot) -> AlertView | None:
    """The alert that the link names: by its rule and fingerprint, or the first of its rule."""
    rule, fingerprint = st.query_params.get(RULE), st.query_params.get(ALERT)
    of_rule = (alert for alert in snapshot.alerts if alert.rule.name == rule)
    return next((alert for alert in of_rule if fingerprint in (None, alert.fingerprint)), None)


def table_of(
    snapshot: AlertsSnapshot,
    lengths: Mapping[tuple[str, str, str], int],
    first_by_value: Mapping[tuple[str, str, str], int] | None,
    images: Sequence[str | None],
    now: int,
) -> DataFrame:
    """The table; `lengths` and `first_by_value` are of `alert_details`, `images` the sparklines of the first alerts."""
    alerts = snapshot.alerts[:ROW_LIMIT]
    first_times = [alert_details.first_ns(alert, first_by_value) for alert in alerts]
    changes = [alert_details.annotation_ns(alert, "last_change") for alert in alerts]
    return DataFrame(
        {
            "State": [alert_details.MARKS[alert.state] for alert in alerts],
            "Severity": [plain(alert.severity, 40) for alert in alerts],
            "Rule": [plain(alert.rule.name, 200) for alert in alerts],
            "Series": [alert_details.series_of(alert) for alert in alerts],
            "Value": [_short(plain(alert.value, 200)) for alert in alerts],
            "Trend": [*images, *[None] * (len(alerts) - len(images))],
            "Repeats": [alert_details.repeats(alert, lengths) for alert in alerts],
            "Since": [formatting.format_time_short(alert.starts_ns or alert.since_ns, now) for alert in alerts],
            "First seen": [formatting.format_time_short(time_ns, now) for time_ns in first_times],
            "Last change": [formatting.format_time_short(time_ns, now) for time_ns in changes],
        }
    )


def _id(alert: AlertView) -> table.RowId:
    return alert.rule.name, alert.fingerprint


def _columns(rows: DataFrame) -> dict[str, Any]:
    """The column settings: names as wide as their longest text, within bounds, so that similar names stay distinct."""

    def width(name: str, least: int, most: int) -> int:
        return round(min(max(rows[name].str.len().max() * _CHARACTER_PX + 18, least), most))

    series = width("Series", 90, 190)
    return {
        "State": 80,
        "Severity": 66,
        "Rule": width("Rule", 90, _NAMES_PX - series),
        "Series": series,
        "Value": 70,
        "Trend": st.column_config.ImageColumn(width=96, help="Over the selected window; shaded while it fires"),
        "Repeats": st.column_config.NumberColumn(width=60, format="localized"),
        **{name: st.column_config.TextColumn(width=width(name, 84, 130), help=text) for name, text in _HELP.items()},
    }


def _short(text: str) -> str:
    """A long number with six significant digits; the card of the alert shows all of them."""
    try:
        return f"{float(text):.6g}" if len(text) > 8 else text  # noqa: PLR2004 - as many fit
    except ValueError:
        return text

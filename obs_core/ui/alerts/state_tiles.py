"""The number of alerts in each state, as tiles."""

from typing import Any

import streamlit as st

from obs_core.alerts.rules.model import Rule
from obs_core.alerts.snapshot import AlertsSnapshot
from obs_core.clock import now_ns
from obs_core.ui.kit import formatting, stat_card
from obs_core.ui.kit.durations import snooze_end_text
from obs_core.ui.kit.stat_card import StatCard
from obs_core.ui.kit.text import counted, plain


def alert_tiles(snapshot: AlertsSnapshot) -> None:
    """Draw the tiles: alerts that fire, are pending, flap or have no data; rules that are OK or snoozed.

    If all but “OK” would be 0, it is one line.
    """
    now = now_ns()
    snoozed = [rule for rule in snapshot.rules if rule.is_snoozed(now)]
    disabled = sum(not rule.enabled for rule in snapshot.rules)
    firing = [alert for alert in snapshot.alerts if alert.state == "firing"]
    critical = sum(alert.severity == "critical" for alert in firing)
    flapping, no_data = snapshot.count("flapping"), snapshot.count("no data")
    of_rules = f"of {counted(len(snapshot.rules), 'rule')}" + (f" · {disabled} disabled" if disabled else "")
    waiting = len(snapshot.unevaluated())
    if not any((firing, flapping, no_data, snapshot.count("pending"), snoozed)):
        _all_quiet(len(snapshot.rules), disabled, waiting)
        return
    of_rules += f" · {formatting.count(waiting)} not evaluated yet" if waiting else ""
    tiles = [
        _tile("Firing", len(firing), f"{formatting.count(critical)} critical" if critical else "", bad=bool(firing)),
        _tile("Pending", snapshot.count("pending"), "waiting for “for”"),
        _tile("Flapping", flapping, "changing often", bad=bool(flapping), tone="stale"),
        _tile("No data", no_data, "no data", bad=bool(no_data), tone="stale"),
        _tile("OK", len(snapshot.quiet()), of_rules),
        _tile("Snoozed", len(snoozed), _first_end(snoozed)),
    ]
    stat_card.row([stat_card.card_html(tile) for tile in tiles], low=True)


def _all_quiet(rules: int, disabled: int, waiting: int) -> None:
    """One line instead of six tiles with 0."""
    if not rules:
        st.caption("No rules yet, so nothing can fire.")
        return
    parts = [f"{counted(rules - disabled - waiting, 'rule')} OK"]
    parts += [f"{disabled} disabled"] if disabled else []
    parts += [f"{waiting} not evaluated yet"] if waiting else []
    text = "✓ Nothing fires" if waiting < rules - disabled or not waiting else "○ Nothing was evaluated yet"
    st.markdown(f"**{text}** · {' · '.join(parts)}")


def _tile(label: str, number: int, note: str, **more: Any) -> StatCard:  # noqa: ANN401 - fields of StatCard
    return StatCard(label, formatting.count(number), note, **more)


def _first_end(snoozed: list[Rule]) -> str:
    if not snoozed:
        return "no rule"
    first = min(snoozed, key=lambda rule: rule.snoozed_until_ns or 0)
    return f"{plain(first.name, 30)} until {snooze_end_text(first.snoozed_until_ns, now_ns())}"

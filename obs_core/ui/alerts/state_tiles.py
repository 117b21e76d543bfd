"""How many alerts stand in which state, as tiles."""

from typing import Any

from obs_core.alerts.rules.model import Rule
from obs_core.alerts.snapshot import AlertsSnapshot
from obs_core.clock import now_ns
from obs_core.ui.kit import formatting, stat_card
from obs_core.ui.kit.durations import snooze_end_text
from obs_core.ui.kit.stat_card import StatCard
from obs_core.ui.kit.text import counted, plain


def alert_tiles(found: AlertsSnapshot) -> None:
    """Draw them: alerts that fire, wait, swing or miss their data; rules of which nothing is wrong or said."""
    now = now_ns()
    snoozed = [rule for rule in found.rules if rule.is_snoozed(now)]
    off = sum(not rule.enabled for rule in found.rules)
    firing = [alert for alert in found.alerts if alert.state == "firing"]
    critical = sum(alert.severity == "critical" for alert in firing)
    tiles = [
        _tile("Firing", len(firing), f"{formatting.count(critical)} critical" if critical else "", bad=bool(firing)),
        _tile("Pending", found.count("pending"), "not long enough yet"),
        _tile(
            "Flapping",
            found.count("flapping"),
            "began and ended often",
            bad=bool(found.count("flapping")),
            tone="stale",
        ),
        _tile("No data", found.count("no data"), "nothing to judge", bad=bool(found.count("no data")), tone="stale"),
        _tile("OK", len(found.quiet()), f"of {counted(len(found.rules), 'rule')}" + (f" · {off} off" if off else "")),
        _tile("Snoozed", len(snoozed), _first_end(snoozed)),
    ]
    stat_card.row([stat_card.card_html(tile) for tile in tiles], low=True)


def _tile(label: str, number: int, note: str, **more: Any) -> StatCard:  # noqa: ANN401 - fields of StatCard
    return StatCard(label, formatting.count(number), note, **more)


def _first_end(snoozed: list[Rule]) -> str:
    if not snoozed:
        return "no rule"
    first = min(snoozed, key=lambda rule: rule.snoozed_until_ns or 0)
    return f"{plain(first.name, 30)} until {snooze_end_text(first.snoozed_until_ns, now_ns())}"

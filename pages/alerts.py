"""What is wrong, and since when?"""

from obs_core.ui.alerts import ledger_access, tabs, watcher_status
from obs_core.ui.alerts.state_tiles import alert_tiles
from obs_core.ui.shell import controls, layout, rule_suggestions, store_status
from obs_core.ui.shell.panel import boundary
from obs_core.ui.shell.scope import PageScope

layout.heading("Alerts", __doc__)


@controls.live
def alerts(scope: PageScope) -> None:
    """The states of alerts, and the selected view."""
    with boundary("Alerts"):
        snapshot = ledger_access.now()
        alert_tiles(snapshot)
        watcher_status.note(snapshot)
        store_status.own_log_note("Alert rules")
        view = tabs.view()
        if view == tabs.WEBHOOKS:
            tabs.webhooks()
        elif view == rule_suggestions.RULES:
            tabs.rules(snapshot, scope)
        else:
            tabs.active_alerts(snapshot, scope)
            tabs.stale_values(snapshot, scope)


alerts()

"""What is wrong, and since when?"""

from obs_core.ui.alerts import ledger_access, tabs, watcher_status
from obs_core.ui.alerts.state_tiles import alert_tiles
from obs_core.ui.shell import controls, layout, rule_suggestions
from obs_core.ui.shell.panel import boundary
from obs_core.ui.shell.scope import PageScope

layout.heading("Alerts", __doc__)


@controls.live
def alerts(scope: PageScope) -> None:
    """How the rules stand, and the view that is chosen."""
    with boundary("Alerts"):
        found = ledger_access.now()
        alert_tiles(found)
        watcher_status.note(found)
        view = tabs.view()
        if view == tabs.WEBHOOKS:
            tabs.webhooks()
        elif view == rule_suggestions.RULES:
            tabs.rules(found, scope)
        else:
            tabs.wrong_now(found, scope)
            tabs.stale_now(found, scope)


alerts()

"""What is wrong, and since when?"""

from obs_core.ui import alert_views, book, controls, frame, rule_offers, watching
from obs_core.ui.alert_tiles import alert_tiles
from obs_core.ui.controls import Chosen
from obs_core.ui.panel import boundary

frame.heading("Alerts", __doc__)


@controls.live
def alerts(chosen: Chosen) -> None:
    """How the rules stand, and the view that is chosen."""
    with boundary("Alerts"):
        found = book.now()
        alert_tiles(found)
        watching.note(found)
        view = alert_views.view()
        if view == alert_views.WEBHOOKS:
            alert_views.webhooks()
        elif view == rule_offers.RULES:
            alert_views.rules(found, chosen)
        else:
            alert_views.wrong_now(found, chosen)
            alert_views.stale_now(found, chosen)


alerts()

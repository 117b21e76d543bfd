"""What is wrong, which values are stuck, and since when?"""

from obs_core.query import values
from obs_core.ui import book, controls, frame, watching, window_state
from obs_core.ui.alert_card import alert_card, flips_card
from obs_core.ui.alert_table import alert_table
from obs_core.ui.alert_tiles import alert_tiles
from obs_core.ui.ask import ask
from obs_core.ui.controls import Chosen
from obs_core.ui.panel import boundary, panel
from obs_core.ui.stale import judged_by, series_card, silent_card, streak_table

frame.heading("Alerts", __doc__)


@controls.live
def alerts(chosen: Chosen) -> None:
    """The alerts by rules, then the streaks of the window with or without a rule, and who is silent."""
    with boundary("Alerts"):
        found = book.now()
        alert_tiles(found)
        watching.note(found)
        with panel("Active alerts", "A click shows what led to it"):
            selected = alert_table(found, chosen)
        if selected:
            alert_card(chosen, selected)
            with panel("History", f"Flips of {selected.rule.name}"):
                flips_card(selected.rule.name)
    if not window_state.holds_rows(chosen):
        return
    rule = judged_by()
    with panel("Stale values", f"More than {rule['threshold']} equal readings in a row; a click shows the series"):
        picked = streak_table(ask(values.streaks, chosen, **rule), ask(values.series, chosen))
    if picked:
        with panel("Readings", " · ".join(picked)):
            series_card(chosen, *picked, rule)
    with panel("Silent processes", "Nothing in the last 5 minutes"):
        silent_card(chosen)


alerts()

"""Which values are stuck, and since when?"""

from obs_core.query import values
from obs_core.ui import controls, frame, window_state
from obs_core.ui.ask import ask
from obs_core.ui.controls import Chosen
from obs_core.ui.panel import panel
from obs_core.ui.stale import judged_by, series_card, silent_card, streak_table

frame.heading("Alerts", __doc__)


@controls.live
def alerts(chosen: Chosen) -> None:
    """The streaks of the window, the series of the one that was picked, and who is silent."""
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

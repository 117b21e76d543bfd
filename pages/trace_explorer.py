"""Which rows, exactly?"""

from obs_core.query import overview
from obs_core.ui import controls, frame
from obs_core.ui.ask import ask
from obs_core.ui.filter_bar import filter_bar
from obs_core.ui.panel import panel
from obs_core.ui.trace_panel import selection_card
from obs_core.ui.trace_table import trace_table

frame.heading("Trace Explorer", __doc__)


@controls.live
def explorer(chosen: controls.Chosen) -> None:
    """The filters, the table and what was picked in it; refreshed together."""
    with panel("Rows"):
        wanted, sort = filter_bar(ask(overview.processes, chosen)["process"].tolist())
        trace_table(chosen, wanted, sort)
    selection_card(chosen)


explorer()

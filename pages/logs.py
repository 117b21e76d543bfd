"""What stands in the log, as it is?"""

from obs_core.query import traces
from obs_core.ui import controls, frame, window_state
from obs_core.ui.ask import ask
from obs_core.ui.controls import Chosen
from obs_core.ui.panel import panel
from obs_core.ui.raw_rows import raw_rows, wanted

frame.heading("Logs", __doc__)


@controls.live
def rows(chosen: Chosen) -> None:
    """The newest rows of the window that hold the text."""
    if not window_state.holds_rows(chosen):
        return
    with panel("Newest rows", window_state.completeness(chosen)):
        search, size = wanted()
        raw_rows(chosen, ask(traces.page, chosen, search=search, size=size), search)


rows()

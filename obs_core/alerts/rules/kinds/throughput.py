"""The rule kind `throughput`: calls per second cross a limit."""

from typing import Final

from obs_core.alerts.rules.call_figures import figure_kind
from obs_core.alerts.rules.kind import Suggestion

KIND: Final = figure_kind(
    "throughput",
    "Calls per second cross a limit.",
    "Calls per second",
    Suggestion("Calls per second changed by 50 %", {"changed_percent": "50"}),
)

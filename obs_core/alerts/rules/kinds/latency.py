"""The rule kind `latency`: a percentile of durations crosses a limit."""

from typing import Final

from obs_core.alerts.rules.call_figures import figure_kind
from obs_core.alerts.rules.kind import Suggestion

KIND: Final = figure_kind(
    "latency",
    "A percentile of durations (ms) crosses a limit.",
    "P{percentile:g} (ms)",
    Suggestion("P95 changed by 50 %", {"changed_percent": "50"}),
)

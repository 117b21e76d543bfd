"""The rule kind `error_rate`: the share of failed calls crosses a limit."""

from typing import Final

from obs_core.alerts.rules.call_figures import figure_kind
from obs_core.alerts.rules.kind import Suggestion

KIND: Final = figure_kind(
    "error_rate",
    "The share of failed calls (0 to 1) crosses a limit.",
    "Error rate (0 to 1)",
    Suggestion("Error rate above 5 %", {"above": "0.05"}),
)

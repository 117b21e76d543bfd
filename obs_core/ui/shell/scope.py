"""The page scope: the window and the process group that every question of a page is asked for."""

from dataclasses import dataclass
from typing import Final

from obs_core.clock import Window

TO: Final = ("now", "last")


@dataclass(frozen=True, slots=True)
class PageScope:
    """What the reader selected: a window, one group or all, and whether pages refresh automatically.

    `paused_ns` is since when the page shows the same rows, because one of them is open. `exact` asks for exact
    percentiles where they would be approximate.
    """

    window: Window
    group: str | None
    live: bool
    from_text: str
    to_text: str
    notes: tuple[str, ...] = ()
    paused_ns: int | None = None
    exact: bool = False

    @property
    def is_relative(self) -> bool:
        """Whether the window ends at the current time or at the end of the log."""
        return is_relative(self.to_text)


def is_relative(text: str) -> bool:
    """Whether `text` names an end of the window that moves."""
    return text.strip() in TO

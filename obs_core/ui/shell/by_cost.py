"""Draws the parts of a page in the order of their cost: what answers at once is there while the slow is on its way."""

import time
from collections.abc import Callable, Mapping
from functools import cache
from threading import Lock
from typing import Final

from streamlit.delta_generator import DeltaGenerator

from obs_core.ui.shell import loading
from obs_core.ui.shell.panel import boundary

_DECAY: Final = 0.5  # the share of the last cost that is left after a run with cached answers

Draw = Callable[[], None]


class Costs:
    """What each part took when it was drawn, for all sessions of this server; a run with cached answers halves it."""

    def __init__(self) -> None:
        """Start without costs: parts are then drawn in the order of the page."""
        self._seconds: dict[tuple[str, str], float] = {}
        self._lock = Lock()

    def ordered(self, page: str, names: Mapping[str, object]) -> list[str]:
        """Return `names`, the cheapest first; those that cost the same stay in their order."""
        with self._lock:
            return sorted(names, key=lambda name: self._seconds.get((page, name), 0.0))

    def add(self, page: str, name: str, seconds: float) -> None:
        """Note that drawing a part took so long."""
        with self._lock:
            before = self._seconds.get((page, name), 0.0)
            self._seconds[page, name] = max(seconds, before * _DECAY)


@cache
def costs() -> Costs:
    """Return the costs of this server."""
    return Costs()


def draw(page: str, parts: Mapping[str, tuple[DeltaGenerator, Draw]]) -> None:
    """Draw each of `parts` into its container, the cheapest first; each shows its own errors."""
    slots = {name: loading.card_in(container) for name, (container, _) in parts.items()}
    for name in costs().ordered(page, parts):
        body, card = slots[name]
        start = time.perf_counter()
        with body, boundary(name.capitalize()):
            parts[name][1]()
        if card is not None:
            card.empty()
        costs().add(page, name, time.perf_counter() - start)

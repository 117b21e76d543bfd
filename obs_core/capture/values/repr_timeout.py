"""Runs a foreign `repr` and gives up on it when it takes too long, so that a traced call goes on.

Python can't stop code that hangs in this thread, so a repr runs in a thread of its own until its type has shown three
times that it is quick; then it is called directly. A type that was too slow is never asked again.
"""

import sys
import threading
from collections.abc import Callable
from time import perf_counter
from typing import Final

from obs_core.capture.context import UNSAMPLED, current

LIMIT_S: Final = 0.05
_TRUSTED_AFTER: Final = 3
_MOST_TYPES: Final = 5000
_quick: Final[dict[type, int]] = {}
_KNOWN: Final = sys.stdlib_module_names
_slow: Final[set[type]] = set()


def repr_with_timeout(text_of: Callable[[], str], kind: type | None = None) -> str:
    """What `text_of` returns, or a remark in angle brackets: it raised, or took more than 50 ms."""
    name = kind.__name__ if kind else "value"
    if kind in _slow:
        return f"<{name}: its repr takes too long>"
    began = perf_counter()
    trusted = kind is None or kind.__module__ in _KNOWN or _quick.get(kind, 0) >= _TRUSTED_AFTER
    text = _guarded(text_of, name) if trusted else _elsewhere(text_of, name)
    late = text is None or perf_counter() - began > LIMIT_S
    if kind is not None and (late or len(_quick) < _MOST_TYPES):
        if late:
            _slow.add(kind)
        else:
            _quick[kind] = _quick.get(kind, 0) + 1
    return f"<{name}: its repr takes too long>" if text is None else text


def _guarded(text_of: Callable[[], str], name: str) -> str:
    try:
        return str(text_of())
    except Exception as error:  # noqa: BLE001 - a repr may raise anything, and the program must not notice
        return f"<{name}: its repr raised {type(error).__name__}>"


def _elsewhere(text_of: Callable[[], str], name: str) -> str | None:
    """Run it in another thread, which is left behind if it is not ready in time."""
    found: list[str] = []

    def run() -> None:
        current.set(UNSAMPLED)  # what a repr calls is no part of the program's traces
        found.append(_guarded(text_of, name))

    thread = threading.Thread(target=run, name="obs_core repr", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # the interpreter is shutting down
        return f"<{name}>"
    thread.join(LIMIT_S)
    return found[0] if found else None

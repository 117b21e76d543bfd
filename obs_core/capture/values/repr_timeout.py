"""Runs a foreign `repr` with a timeout, so that it can't block a traced call.

Python can't stop code that hangs in this thread, so a repr runs in another thread until it was fast three times for its
type; then it is called directly. After one timeout, the repr of the type is never called again.
"""

import sys
import threading
from collections.abc import Callable
from time import perf_counter
from typing import Final

from obs_core.capture.context import UNSAMPLED, current
from obs_core.capture.signals import pass_on

LIMIT_S: Final = 0.05
_TRUSTED_AFTER: Final = 3
_MOST_TYPES: Final = 5000
_quick: Final[dict[type, int]] = {}
_KNOWN: Final = sys.stdlib_module_names
_slow: Final[set[type]] = set()


def repr_with_timeout(text_of: Callable[[], str], kind: type | None = None) -> str:
    """The result of `text_of`, or a note in angle brackets if it raised or took more than 50 ms."""
    name = kind.__name__ if kind else "value"
    if kind in _slow:
        return f"<{name}: its repr takes too long>"
    start = perf_counter()
    trusted = kind is None or kind.__module__ in _KNOWN or _quick.get(kind, 0) >= _TRUSTED_AFTER
    text = _repr_or_error(text_of, name) if trusted else _repr_in_thread(text_of, name)
    late = text is None or perf_counter() - start > LIMIT_S
    if kind is not None and (late or len(_quick) < _MOST_TYPES):
        if late:
            _slow.add(kind)
        else:
            _quick[kind] = _quick.get(kind, 0) + 1
    return f"<{name}: its repr takes too long>" if text is None else text


def text_in_this_thread(text_of: Callable[[], str], kind: type | None = None) -> str:
    """The result of `text_of`, or a note in angle brackets if it raised; after 50 ms it is not called again for `kind`.

    For the text of an exception: its code belongs to this thread, with its locks, event loop and context.
    """
    name = kind.__name__ if kind else "value"
    if kind in _slow:
        return f"<{name}: its text takes too long>"
    start = perf_counter()
    text = _repr_or_error(text_of, name)
    if kind is not None and perf_counter() - start > LIMIT_S and len(_slow) < _MOST_TYPES:
        _slow.add(kind)
    return text


def _repr_or_error(text_of: Callable[[], str], name: str) -> str:
    try:
        return str(text_of())
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - a repr may raise anything, and the program must not notice
        pass_on(error)
        return f"<{name}: its repr raised {type(error).__name__}>"


def _repr_in_thread(text_of: Callable[[], str], name: str) -> str | None:
    """Run `text_of` in another thread; None if it takes more than 50 ms (the thread keeps running)."""
    texts: list[str] = []

    def run() -> None:
        current.set(UNSAMPLED)  # calls made by a repr are not part of the trace
        texts.append(_repr_or_error(text_of, name))

    thread = threading.Thread(target=run, name="obs_core repr", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # the interpreter is shutting down
        return f"<{name}>"
    thread.join(LIMIT_S)
    return texts[0] if texts else None

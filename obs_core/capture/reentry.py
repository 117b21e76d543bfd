"""Calls that arrive while code of ours runs in the same thread: our own, or those of the program.

We call functions of the standard library, which may be traced (`re`), and for some texts code of the program or of a
library. None of these are the program's calls. A signal handler or finalizer that runs meanwhile, also in the thread of
the drain, is the program's, and its calls are recorded like any others.
"""

import sys
from types import FrameType

from obs_core.capture.context import RECORDING, Parent, Remote, current
from obs_core.capture.signals import handler_codes
from obs_core.capture.state import process

_OURS = "obs_core.capture."
_CALL_OTHERS = frozenset({f"{_OURS}values.repr_timeout", f"{_OURS}values.arrays"})
_IMPORTS = frozenset({"importlib", "_frozen_importlib", "_frozen_importlib_external"})
_KNOWN = sys.stdlib_module_names


def is_off() -> bool:
    """Whether nothing is recorded: capture is disabled, sampling left the running call out, or the call is our own."""
    running = current.get()
    return process.options.disabled or (running is not None and not running[2] and is_left_out(running))


def is_left_out(running: Parent) -> bool:
    """Whether a call below `running`, which has no span id, is not recorded."""
    if type(running) is Remote:
        return process.options.disabled
    return running is not RECORDING or process.options.disabled or _is_our_call()


def _is_our_call() -> bool:
    """Whether the traced function was called by code of ours: only the standard library is between it and ours."""
    frame: FrameType | None = sys._getframe(2)  # noqa: SLF001 - there is no other way
    while frame is not None and _module(frame).startswith(_OURS):
        frame = frame.f_back
    codes = handler_codes()
    is_of_program = False
    while frame is not None and not (module := _module(frame)).startswith(_OURS):
        if frame.f_code in codes:
            return False
        root = module.partition(".")[0]
        if root in _IMPORTS:  # which may call a hook of the program
            return True
        is_of_program = is_of_program or root not in _KNOWN
        frame = frame.f_back
    if not is_of_program or frame is None:
        return not is_of_program
    callers = _module(frame), _module(frame.f_back) if frame.f_back else ""  # a lambda, and who calls it
    return not _CALL_OTHERS.isdisjoint(callers)


def _module(frame: FrameType) -> str:
    name = frame.f_globals.get("__name__")
    return name if type(name) is str else ""

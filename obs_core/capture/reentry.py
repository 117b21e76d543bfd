"""Calls that arrive while code of ours runs in the same thread: our own, or those of the program.

We call functions of the standard library, which may be traced (`re`), and for some texts code of the program or of a
library. None of these are the program's calls. A signal handler or finalizer that runs meanwhile, also in the thread of
the drain, is the program's, and its calls are recorded like any others.
"""

import sys
from types import FrameType
from typing import Any

from obs_core.capture.context import RECORDING, Parent, Remote, current
from obs_core.capture.signals import handler_codes
from obs_core.capture.state import process

_OURS = "obs_core.capture."
_START = f"{_OURS}reentry", f"{_OURS}calls.traced_function"  # what the code around a function calls at its start
_CALL_OTHERS = frozenset({f"{_OURS}values.repr_timeout", f"{_OURS}values.arrays"})
_IMPORTS = frozenset({"importlib", "_frozen_importlib", "_frozen_importlib_external"})
_KNOWN = sys.stdlib_module_names


def is_off(traced: Any = None) -> bool:  # noqa: ANN401 - as below
    """Whether nothing is recorded: capture is disabled, sampling left the running call out, or the call is our own."""
    running = current.get()
    return process.options.disabled or (running is not None and not running[2] and is_left_out(running, traced))


def is_left_out(running: Parent, traced: Any = None) -> bool:  # noqa: ANN401 - a `TracedFunction`, which imports this
    """Whether a call of `traced` below `running`, which has no span id, is not recorded."""
    if type(running) is Remote:
        return process.options.disabled
    return running is not RECORDING or process.options.disabled or _is_our_call(traced)


def _is_our_call(traced: Any) -> bool:  # noqa: ANN401 - as above
    """Whether `traced` was called by code of ours: only the standard library is between it and ours.

    The frame of `traced` is hidden: it is looked at by its name and by the handlers that it is.
    """
    frame: FrameType | None = sys._getframe(2)  # noqa: SLF001 - there is no other way
    start = _OURS if traced is None else _START
    while frame is not None and _module(frame).startswith(start):
        frame = frame.f_back
    codes = handler_codes()
    is_of_program = False
    if traced is not None:
        if any(item is traced for code in codes if code for item in code.co_consts):
            return False
        root = traced.site.function.partition(".")[0]
        if root in _IMPORTS:
            return True
        is_of_program = root not in _KNOWN
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

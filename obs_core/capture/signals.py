"""Exceptions that a signal handler of the program raises while code of ours runs: a timeout, a soft limit of a task.

They are the program's. Where we catch our own errors, they must pass.
"""

import _signal  # type: ignore[import-not-found]
import sys
from _thread import get_ident
from threading import main_thread
from types import CodeType, TracebackType
from typing import Any, Final

_NUMBERS: Final = tuple(_signal.valid_signals())  # `signal.getsignal` makes an enum of each, which takes 100 us


def is_of_handler(error: BaseException) -> bool:
    """Whether a signal handler of the program raised `error`: its traceback has a frame of a handler."""
    if "signal" not in sys.modules or error.__traceback__ is None:
        return False
    try:
        codes = handler_codes()
        traceback: TracebackType | None = error.__traceback__
        while traceback is not None:
            if traceback.tb_frame.f_code in codes:
                return True
            traceback = traceback.tb_next
    except Exception as second:  # noqa: BLE001 - the interpreter is ending, the stack is at its limit, or a handler again
        return not (sys.is_finalizing() or issubclass(type(second), RecursionError))
    return False


def is_interrupt(error: BaseException) -> bool:
    """Whether `error` must pass: a signal handler raised it, or it hit code of ours from outside.

    An exception such as SystemExit that code of the program raised, because we ran it (a metaclass that defines
    `__hash__`, a property of an exception), is a fault of the row.
    """
    if issubclass(type(error), Exception) or is_of_handler(error):
        return is_of_handler(error)
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if issubclass(type(error), KeyboardInterrupt) or traceback is None:
        return True
    frame = traceback.tb_frame
    is_ours = str(frame.f_globals.get("__name__")).startswith("obs_core.capture.")
    return is_ours or any(name.startswith("_obs") for name in frame.f_code.co_varnames)


def handler_codes() -> set[CodeType | None]:
    """The code of the program's signal handlers; of a traced one also its own code: its frame is the visible one."""
    if "signal" not in sys.modules:
        return set()
    codes = {_code_of(_signal.getsignal(number)) for number in _NUMBERS} - {None}
    return codes.union(item for code in codes if code for item in code.co_consts if type(item) is CodeType)


def is_main_thread() -> bool:
    """Whether this is the thread in which signal handlers run."""
    return get_ident() == main_thread().ident


def may_interrupt() -> bool:
    """Whether a signal handler of the program, other than Python's own for Ctrl-C, may run in this thread."""
    if "signal" not in sys.modules or not is_main_thread():
        return False
    handlers = (_signal.getsignal(number) for number in _NUMBERS)
    return any(callable(handler) and handler is not _signal.default_int_handler for handler in handlers)


def pass_on(error: BaseException) -> None:
    """Raise `error` again if a signal handler of the program raised it, or it hit code of ours from outside."""
    if is_interrupt(error):
        raise error


def _code_of(handler: Any) -> CodeType | None:  # noqa: ANN401 - whatever the program registered
    handler = getattr(handler, "func", handler)  # of a partial
    function = getattr(handler, "__func__", handler)
    code = getattr(function, "__code__", None) or getattr(vars(type(handler)).get("__call__"), "__code__", None)
    return code if type(code) is CodeType else None

"""The call sites of functions: the names of their rows, and where their source is."""

import os
import sys
from types import FunctionType

from obs_core.capture.spool.frames import CallSite


def site_of(function: FunctionType, name: str | None = None) -> CallSite:
    """The call site of `function`: its file and first line, and the name of its rows."""
    inner = function
    while type(wrapped := inner.__dict__.get("__wrapped__")) is FunctionType:
        inner = wrapped  # under a decorator: the recorded source is that of the function itself
    code = inner.__code__
    full = f"{module_of(function)}.{function.__qualname__}"
    return CallSite("call", name or function.__name__, full, code.co_filename, code.co_firstlineno)


def module_of(function: FunctionType) -> str:
    """The module of `function`; for the main module its import name or the name of its file.

    Otherwise the functions of all main modules would share the name `__main__`.
    """
    name = str(function.__module__ or "?")
    if name != "__main__":
        return name
    main = sys.modules["__main__"]
    spec, file = getattr(main, "__spec__", None), getattr(main, "__file__", None)
    if spec is not None:
        return str(spec.name).removesuffix(".__main__")
    return os.path.splitext(os.path.basename(file))[0] if file else name  # noqa: PTH119, PTH122 - pathlib costs 5 ms

"""The name of a function's module in the log."""

import os
import sys
from collections.abc import Callable
from typing import Any


def module_of(function: Callable[..., Any]) -> str:
    """The module of `function`; for the main module its import name or the name of its file.

    Otherwise the functions of all main modules would share the name `__main__`.
    """
    name = str(getattr(function, "__module__", None) or "?")
    if name != "__main__":
        return name
    main = sys.modules["__main__"]
    spec, file = getattr(main, "__spec__", None), getattr(main, "__file__", None)
    if spec is not None:
        return str(spec.name).removesuffix(".__main__")
    return os.path.splitext(os.path.basename(file))[0] if file else name  # noqa: PTH119, PTH122 - pathlib costs 5 ms

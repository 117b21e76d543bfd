"""What a function's module is called in the log."""

import os
import sys
from collections.abc import Callable
from typing import Any


def module_of(function: Callable[..., Any]) -> str:
    """The module that `function` stands in; of a program's main module the name it is imported by, or its file's.

    Otherwise the functions of every program's main module would share the name `__main__`.
    """
    name = str(getattr(function, "__module__", None) or "?")
    if name != "__main__":
        return name
    main = sys.modules["__main__"]
    spec, file = getattr(main, "__spec__", None), getattr(main, "__file__", None)
    if spec is not None:
        return str(spec.name).removesuffix(".__main__")
    return os.path.splitext(os.path.basename(file))[0] if file else name  # noqa: PTH119, PTH122 - pathlib costs 5 ms

"""Programs of this package that run beside the one that starts them."""

import os
import sys
from pathlib import Path


def command(module: str, *arguments: str) -> list[str]:
    """The words that start `module` as a program."""
    # -P: a json.py in the folder where the dashboard was started must not be what the program imports
    return [sys.executable, "-P", "-m", module, *arguments]


def environment(**more: str) -> dict[str, str]:
    """This process's environment and `more`; the program finds this very package there."""
    root = str(Path(__file__).parents[1])
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path, **more}

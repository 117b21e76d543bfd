"""The paths of files that belong to a log."""

import os
from typing import Final

FOLDER_SUFFIX: Final = ".d"


def folder_of(log: str) -> str:
    """The folder for the spools and state files of `log`."""
    return os.path.abspath(log) + FOLDER_SUFFIX  # noqa: PTH100 - pathlib costs the traced program 2 ms

"""The paths of files that belong to a log."""

from typing import Final

from obs_core.system import os

FOLDER_SUFFIX: Final = ".d"


def folder_of(log: str) -> str:
    """The folder for the spools and state files of `log`."""
    return os.path.abspath(log) + FOLDER_SUFFIX

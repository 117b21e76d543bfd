"""Where the files that belong to a log are."""

import os
from typing import Final

FOLDER_SUFFIX: Final = ".d"


def folder_of(log: str) -> str:
    """The folder of spools and states that belongs to `log`."""
    return os.path.abspath(log) + FOLDER_SUFFIX  # noqa: PTH100 - the log's own code uses pathlib; here is the hot room

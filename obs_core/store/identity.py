"""`<log>.d/identity`: a random name of the log, by which a receiver recognises rows that come from its own log."""

import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final

from obs_core import safe_files
from obs_core.paths import folder_of
from obs_core.system import os

NAME: Final = "identity"
HEADER: Final = "x-obs-core-log"
"""The header of a request, with the identity of the log that its rows come from."""
_BYTES: Final = 16


def read(log: Path) -> str:
    """The identity of `log`; empty if it has none yet, or it can't be read."""
    try:
        descriptor = safe_files.open_file(_path(log))
    except OSError:
        return ""
    try:
        return os.read(descriptor, 2 * _BYTES).decode("ascii", "replace")
    finally:
        os.close(descriptor)


def made(log: Path) -> str:
    """The identity of `log`, which is made if it has none; empty if it can't be written."""
    with suppress(OSError):
        safe_files.make_folder(_path(log).parent)
        if not read(log):
            safe_files.replace(_path(log), secrets.token_hex(_BYTES).encode())
    return read(log)


def _path(log: Path) -> Path:
    return Path(folder_of(str(log))) / NAME

"""Ensures one sealer per archive: the one that holds the lock on `<log>.archive/sealer.lock`."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from obs_core import safe_files
from obs_core.errors import LogUnreadable

NAME: Final = "sealer.lock"


@contextmanager
def held(folder: Path) -> Iterator[bool]:
    """Try to become the sealer of the archive in `folder`; the lock is released with the block or the process.

    Raises:
        LogUnreadable: the folder can't be written.
    """
    try:
        safe_files.make_folder(folder)
        descriptor = safe_files.open_or_make(folder / NAME)
    except OSError as error:
        message = f"{folder} can't be written: {error.strerror}."
        raise LogUnreadable(message, "Check the permissions of the folder next to the log.") from error
    try:
        yield safe_files.lock(descriptor) is not False  # None: no locks here; the manifest compares before it swaps
    finally:
        os.close(descriptor)

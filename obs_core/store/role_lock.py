"""Ensures one process per log and role, such as one watcher: the one that holds the lock on `<log>.d/watch.lock`.

The system releases the lock with the process, however that ends.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from obs_core import safe_files
from obs_core.errors import LogUnreadable
from obs_core.paths import folder_of

WATCHER: Final = "watch.lock"
FORWARDER: Final = "forward.lock"


@contextmanager
def held(log: Path, name: str) -> Iterator[int | None]:
    """Try to take the role `name` for `log`: None on success, else the pid of the process that has it (0: unknown).

    Raises:
        LogUnreadable: the folder next to the log can't be written.
    """
    path = Path(folder_of(str(log))) / name
    try:
        safe_files.make_folder(path.parent)
        descriptor = safe_files.open_or_make(path)
    except OSError as error:
        message = f"{path} can't be written: {error.strerror}."
        raise LogUnreadable(message, "Check the permissions of the folder next to the log.") from error
    try:
        if safe_files.lock(descriptor) is not False:  # None: without locks a second process is not noticed
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
            yield None
        else:
            holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
            yield int(holder) if holder.isdecimal() else 0
    finally:
        os.close(descriptor)

"""The file of a spool, for its owner: locked as long as the owner lives, and complete when it gets its name.

Whoever gets the lock knows that the owner is dead, also from another container on the same volume. A forked child
inherits the lock with its descriptors until `detach`; its own spool is another file with another lock.
"""

from contextlib import suppress
from typing import Final

from obs_core import safe_files
from obs_core.capture.spool.header import allocate
from obs_core.system import os

SUFFIX: Final = ".spool"
UNFINISHED: Final = ".making"  # added to the name while the file is made


class SpoolFile:
    """The open file of this process's spool."""

    def __init__(self, path: str, size: int) -> None:
        """Make and allocate a file of `size` bytes under another name; `publish` gives it the name `path`.

        Raises:
            OSError: it can't be made or allocated; nothing is left behind.
        """
        self.path = path
        self.descriptor = safe_files.make_file(path + UNFINISHED)
        self._at = path + UNFINISHED
        try:
            status = os.fstat(self.descriptor)
            self._identity = (status.st_dev, status.st_ino)
            self.is_locked = safe_files.lock(self.descriptor) is True
            allocate(self.descriptor, size)
        except BaseException:
            self.remove()
            raise

    def publish(self) -> None:
        """Give the complete file its name.

        Raises:
            OSError: the name can't be given.
        """
        os.rename(self._at, self.path)
        self._at = self.path

    def is_lost(self) -> bool:
        """Whether the file was deleted, or somebody may think that its owner is dead."""
        if self._is_open():
            return os.fstat(self.descriptor).st_nlink == 0
        return not self._locked_again()  # the program closed our descriptor, and the lock went with it

    def unlock(self) -> None:
        """Let others drain what is left: this process writes no more."""
        if self._is_open():
            safe_files.unlock(self.descriptor)

    def remove(self) -> None:
        """Delete the file."""
        with suppress(OSError):
            os.unlink(self._at)
        self.detach()

    def detach(self) -> None:
        """Close the descriptor; in a forked child, the lock stays with the parent."""
        if self._is_open():
            os.close(self.descriptor)
        self.descriptor = -1

    def _is_open(self) -> bool:
        """Whether the descriptor is still ours: a program may close all descriptors and open its own."""
        try:
            status = os.fstat(self.descriptor)
        except OSError:
            return False
        return (status.st_dev, status.st_ino) == self._identity

    def _locked_again(self) -> bool:
        """Open and lock the file again; False if it has another owner or none of this name."""
        self.descriptor = -1
        try:
            self.descriptor = safe_files.open_file(self.path, write=True)
        except OSError:
            return False
        return self._is_open() and safe_files.lock(self.descriptor) is not False

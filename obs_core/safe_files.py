"""Opens and makes files and folders of the log so that no other user can redirect or read what is written.

In a folder that several users may write to, another user can plant a link, a FIFO or a file under the name of ours. So
the last part of a path is never followed if it is a link, opening never waits for the other end of a FIFO, only regular
files are opened, and a file or folder of another user is refused. What we make is for its owner only (0600, 0700), or
as the setting OBS_UMASK says; the mode of what exists is left alone. Links in the earlier parts of a path are followed:
they are the user's own choice.

An owner is trusted if it is this user, root, or the owner of the folder around the file, who could replace it anyway;
any owner is if only the owner of the folder may write to it.
Every refusal is an `OSError`; its `strerror` is a phrase for people, as in "x can't be written: it is a link".
"""

import errno
import itertools
import stat
from contextlib import suppress
from typing import Final

from obs_core.system import os

UMASK: Final = 0o077  # unless OBS_UMASK is set
_FLAGS: Final = sum(getattr(os, name, 0) for name in ("O_CLOEXEC", "O_NOFOLLOW", "O_NONBLOCK", "O_NOCTTY", "O_BINARY"))
_SMALL_FILE: Final = 1 << 16  # bytes; SQLite's shared memory takes half of it
_numbers: Final = itertools.count()
StrPath = str | os.PathLike[str]


def file_mode() -> int:
    """The permissions of a new file: 0600, or what OBS_UMASK leaves; its owner can always read and write it."""
    return 0o666 & ~_umask()


def _umask() -> int:
    """The permissions that new files and folders do not give; the owner keeps all."""
    text = os.environ.get("OBS_UMASK", "").strip()
    return int(text, 8) & 0o077 if 3 <= len(text) <= 4 and not text.strip("01234567") else UMASK  # noqa: PLR2004 - digits


def open_file(path: StrPath, *, write: bool = False, any_owner: bool = False) -> int:
    """The descriptor of an existing regular file, for reading, with `write` also for writing.

    `any_owner` accepts the file of another user and one with several names: its reader checks the content first.

    Raises:
        OSError: it does not exist, is a link or no regular file, has several names, or belongs to another user.
    """
    try:
        descriptor = os.open(path, (os.O_RDWR if write else os.O_RDONLY) | _FLAGS)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK, errno.ENXIO):  # EMLINK: FreeBSD; ENXIO: a socket
            raise _refused(path, "it is a link or no regular file") from error
        raise
    return _checked(path, descriptor, one_name=write and not any_owner, any_owner=any_owner)


def open_or_make(path: StrPath) -> int:
    """The descriptor of a regular file for reading and writing; it is made (0600) if it does not exist.

    Raises:
        OSError: as `open_file`, or it can't be made.
    """
    try:
        return make_file(path)
    except FileExistsError:
        return open_file(path, write=True)


def make_file(path: StrPath) -> int:
    """The descriptor of a new, empty file for reading and writing, which only its owner may open.

    Raises:
        FileExistsError: something has this name, perhaps a link to nothing.
        OSError: it can't be made.
    """
    mode = file_mode()
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | _FLAGS, mode)
    if "OBS_UMASK" in os.environ:  # the umask of the process may take away what the setting gives
        with suppress(OSError, AttributeError):
            os.fchmod(descriptor, mode)
    return descriptor


def make_folder(path: StrPath) -> None:
    """Make the folder `path` for its owner only, and the folders around it as usual; an existing one is checked.

    Raises:
        OSError: it can't be made, is a link or a file, or belongs to another user.
    """
    parent = os.path.dirname(os.path.abspath(path))
    make_parents(parent)
    try:
        os.mkdir(path, 0o777 & ~_umask())
        if "OBS_UMASK" in os.environ:
            with suppress(OSError):
                os.chmod(path, 0o777 & ~_umask())
    except FileExistsError:
        check_folder(path)


def make_parents(folder: str) -> None:
    """Make `folder` and those around it where they are missing.

    Not by `os.makedirs`: it is Python code that calls `os.mkdir`, which a program may have replaced.

    Raises:
        OSError: one can't be made, or is a file.
    """
    missing = []
    while not _is_folder(folder):
        missing.append(folder)
        folder = os.path.dirname(folder)
    for path in reversed(missing):
        try:
            os.mkdir(path)
        except FileExistsError:
            if not _is_folder(path):
                raise


def _is_folder(path: str) -> bool:
    try:
        return stat.S_ISDIR(os.stat(path).st_mode)
    except FileNotFoundError:
        return False


def check_folder(path: StrPath) -> None:
    """Refuse the folder `path` if another user could have planted it.

    Raises:
        OSError: it does not exist, is a link or a file, or belongs to another user.
    """
    status = os.lstat(path)
    if not stat.S_ISDIR(status.st_mode):
        raise _refused(path, "it is a link or no folder")
    if not is_trusted(path, status):
        raise _refused(path, "it belongs to another user")


def replace(path: StrPath, content: bytes, *, durable: bool = False) -> None:
    """Write `content` to `path` so that a reader sees all of it or the file from before; its mode is kept.

    With `durable` it is on the disk when this returns, so that it survives a power failure.

    Raises:
        OSError: it can't be written.
    """
    part = f"{os.fspath(path)}.{os.getpid()}-{next(_numbers)}.new"
    descriptor = make_file(part)
    try:
        try:
            mode = _mode_of(path)
            if mode is not None:
                os.chmod(part, mode)
            left = memoryview(content)
            while left:
                left = left[os.write(descriptor, left) :]
            if durable:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(part, path)
    except BaseException:
        os.unlink(part)
        raise
    if durable:
        _sync_folder(os.path.dirname(os.path.abspath(path)))


def _sync_folder(path: str) -> None:
    """Write the names in a folder to the disk, where the system can."""
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | _FLAGS)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def is_full(path: StrPath) -> bool:
    """Whether the disk that holds the folder of `path` has no space for a small file."""
    try:
        status = os.statvfs(os.path.dirname(os.path.abspath(path)))
    except (OSError, AttributeError):  # not on every system
        return False
    return status.f_bavail * status.f_frsize < _SMALL_FILE


def check_database(path: StrPath) -> None:
    """Refuse to write to a database that another user may have planted; a link of ours or of root is followed.

    In a folder that everybody may write to, so is a file of another user refused. SQLite opens the write-ahead log by
    its name and follows links, but never makes one.

    Raises:
        OSError: the database or a file next to it is refused.
    """
    real = os.path.realpath(path)
    for part, link_allowed in (
        (os.fspath(path), True),
        *((f"{real}{end}", False) for end in ("-wal", "-shm", "-journal")),
    ):
        try:
            status = os.lstat(part)
        except FileNotFoundError:
            continue
        is_link = stat.S_ISLNK(status.st_mode)
        if is_link and not (link_allowed and is_trusted(part, status)):
            raise _refused(part, "it is a link")
        folder = os.path.dirname(os.path.abspath(part))
        is_open_to_all = os.stat(folder).st_mode & stat.S_IWOTH
        if is_open_to_all and not is_trusted(part, status):
            raise _refused(part, "it belongs to another user")


def is_trusted(path: StrPath, status: os.stat_result) -> bool:
    """Whether no other user can have planted `path`, which has this `status` (lstat).

    Its owner is this user, root or the owner of its folder, or only the owner of the folder may write to that.
    """
    if not hasattr(os, "geteuid") or status.st_uid in (0, os.geteuid()):
        return True
    folder = os.stat(os.path.dirname(os.path.abspath(path)))
    return status.st_uid == folder.st_uid or not folder.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _checked(path: StrPath, descriptor: int, *, one_name: bool, any_owner: bool) -> int:
    """`descriptor`, or an error if it is not what we opened it for."""
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise _refused(path, "it is a link or no regular file")
        if one_name and status.st_nlink > 1:  # a hard link to another file of the same user
            raise _refused(path, "the same file has other names")
        if not any_owner and not is_trusted(path, status):
            raise _refused(path, "it belongs to another user")
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _mode_of(path: StrPath) -> int | None:
    """The permissions of the regular file `path`; None if there is none that we may trust."""
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return stat.S_IMODE(status.st_mode) & 0o777 if stat.S_ISREG(status.st_mode) and is_trusted(path, status) else None


def _refused(path: StrPath, why: str) -> OSError:
    return PermissionError(errno.EPERM, why, os.fspath(path))


def lock(descriptor: int, *, shared: bool = False) -> bool | None:
    """Take the lock (flock) of an open file without waiting: True, or False if another process holds it.

    None: there are no such locks here. The kernel releases it with the last descriptor of the same `open`, at the
    latest when the process ends, however it ends; it holds across containers on one volume, which pids do not.
    """
    try:
        import fcntl  # noqa: PLC0415 - not on every system
    except ImportError:
        return None
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def unlock(descriptor: int) -> None:
    """Release the lock of an open file, if this process holds it."""
    with suppress(ImportError, OSError):
        import fcntl  # noqa: PLC0415 - as above

        fcntl.flock(descriptor, fcntl.LOCK_UN)

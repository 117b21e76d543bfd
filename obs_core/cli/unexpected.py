"""What a command says about an error that no module expected: a full disk, a file of another user, a fault of ours.

The sentence goes to standard error, the exit code is 2, and the traceback is shown only with OBS_DEBUG=1.
"""

import errno
import os
import sys
import traceback
from contextlib import suppress
from typing import Final, TextIO

DEBUG: Final = "OBS_DEBUG"
_LONGEST: Final = 500  # characters of an error that is passed on
_HINTS: Final = {
    errno.ENOSPC: "Free some space on the disk, and run the command again.",
    errno.EDQUOT: "Free some of your quota on the disk, and run the command again.",
    errno.EFBIG: "Write to another file system, or raise the limit of the shell (ulimit -f).",
    errno.EROFS: "Name a file on a disk that can be written.",
    errno.EACCES: "Check who may use the file and its directory.",
    errno.EPERM: "Check who may use the file and its directory.",
    errno.EMFILE: "Raise the limit of the shell (ulimit -n), and run the command again.",
    errno.ENFILE: "Close some programs, and run the command again.",
    errno.ENOMEM: "Close some programs, and run the command again.",
    errno.ENAMETOOLONG: "Use a shorter path.",
    errno.ENOENT: "Check the path.",
    errno.ENOTDIR: "Check the path.",
    errno.EISDIR: "Name a file, not a directory.",
    errno.EIO: "Check the disk.",
}


def sentence(error: BaseException) -> str:
    """What happened, and what to do next."""
    if isinstance(error, OSError) and error.strerror:
        file = f"{str(error.filename)[:_LONGEST]}: " if error.filename else ""
        hint = _HINTS.get(error.errno or 0, f"Run the command with {DEBUG}=1 to see where it happened.")
        return f"{file}{error.strerror}. {hint}"
    if isinstance(error, MemoryError):
        return "There is not enough memory. Choose a shorter window, a filter, or a smaller file."
    said = " ".join(str(error).split())[:_LONGEST]
    if _is_full(said):
        return f"The disk is full. {_HINTS[errno.ENOSPC]}"
    kind = type(error).__name__
    return f"Unexpected error: {kind}{': ' + said if said else ''}. Run the command with {DEBUG}=1 to see where."


def report(error: BaseException) -> None:
    """Print the sentence, and with OBS_DEBUG=1 the traceback."""
    if os.environ.get(DEBUG, "").strip().lower() in ("1", "true", "on", "yes"):
        with suppress(OSError, ValueError):
            traceback.print_exception(error)
    say(sentence(error))


def say(text: str) -> None:
    """Print one line to standard error, if anybody reads it."""
    with suppress(OSError, ValueError):
        print(text, file=sys.stderr, flush=True)


def tolerate_any_text() -> None:
    """Let standard output write text that its encoding does not have, as escapes."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def discard_output(stream: TextIO) -> None:
    """Send what `stream` still holds nowhere: its reader left, or its disk is full; Python would fail again at exit."""
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def _is_full(said: str) -> bool:
    """Whether SQLite says that a file can't grow."""
    return "database or disk is full" in said

"""The end of a program: that of children of multiprocessing, and what happens to rows that are not moved in time."""

import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from obs_core.system import os

_ROOT: Final = __file__.rpartition("/obs_core/")[0]  # the folder from which obs_core was imported


def at_exit_of_child(function: Callable[[], object]) -> None:
    """Call `function` at the end of this process, if it is a child of multiprocessing.

    They end by os._exit, after finalizers of their own.
    """
    util = sys.modules.get("multiprocessing.util")
    parent = sys.modules.get("multiprocessing.process")
    if util is not None and parent is not None and parent.parent_process() is not None:
        util.Finalize(None, function, exitpriority=0)


def drain_elsewhere(log: str) -> None:
    """Start `python -m obs_core drain`, which continues after this program and says nothing."""
    if not sys.executable or not hasattr(os, "posix_spawn"):
        return
    command = [sys.executable, "-m", "obs_core", "drain", "--log", os.path.abspath(log)]
    path = os.pathsep.join(filter(None, (_ROOT, os.environ.get("PYTHONPATH"))))
    silent = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDWR, 0),
        (os.POSIX_SPAWN_DUP2, 0, 1),
        (os.POSIX_SPAWN_DUP2, 0, 2),
    ]
    with suppress(OSError, NotImplementedError):  # the rows stay in the spool for the next program
        os.posix_spawn(sys.executable, command, {**os.environ, "PYTHONPATH": path}, file_actions=silent, setsid=True)

"""The end of the children of multiprocessing: they end by os._exit, after finalizers of their own."""

import sys
from collections.abc import Callable


def at_exit_of_child(function: Callable[[], object]) -> None:
    """Call `function` at the end of this process, if it is a child of multiprocessing."""
    util = sys.modules.get("multiprocessing.util")
    parent = sys.modules.get("multiprocessing.process")
    if util is not None and parent is not None and parent.parent_process() is not None:
        util.Finalize(None, function, exitpriority=0)

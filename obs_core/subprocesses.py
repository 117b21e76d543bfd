"""Programs of this package that run beside the one that starts them."""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path


def command(module: str, *arguments: str) -> list[str]:
    """The words that start `module` as a program."""
    # -P: a json.py in the folder where the dashboard was started must not be what the program imports
    return [sys.executable, "-P", "-m", module, *arguments]


def environment(**more: str) -> dict[str, str]:
    """This process's environment and `more`; the program finds this very package there."""
    root = str(Path(__file__).parents[1])
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path, **more}


def start_process(module: str, asked: bytes) -> "subprocess.Popen[bytes]":
    """`module` as a program that has read what is asked of it, and whose standard output is to be read.

    Raises:
        OSError: it can't be started.
    """
    program = subprocess.Popen(
        command(module),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment(OBS_DISABLED="1"),
        start_new_session=True,  # Ctrl-C in a terminal is for who started it; it ends when its pipes close
    )
    assert program.stdin is not None
    with suppress(BrokenPipeError), program.stdin:  # it has ended: its exit code will say so
        program.stdin.write(asked)
    return program

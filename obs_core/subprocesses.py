"""Starts programs of this package as child processes."""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path


def command(module: str, *arguments: str) -> list[str]:
    """The command line that runs `module`."""
    # -P: a json.py in the folder where the dashboard was started must not be what the child imports
    return [sys.executable, "-P", "-m", module, *arguments]


def environment(**extra: str) -> dict[str, str]:
    """This process's environment and `extra`; the child imports this same package."""
    root = str(Path(__file__).parents[1])
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path, **extra}


def start_process(module: str, request: bytes) -> "subprocess.Popen[bytes]":
    """Run `module`, write `request` to its standard input and close it; the caller reads its standard output.

    Raises:
        OSError: it can't be started.
    """
    process = subprocess.Popen(
        command(module),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment(OBS_DISABLED="1"),
        start_new_session=True,  # Ctrl-C is for the parent; the child ends when its pipes close
    )
    assert process.stdin is not None
    with suppress(BrokenPipeError), process.stdin:  # it has ended: see its exit code
        process.stdin.write(request)
    return process

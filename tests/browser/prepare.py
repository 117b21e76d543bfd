"""Finds the Chromium that the browser tests drive; on Debian, root gets it installed.

Exits with 1 and the command to run where there is none and it can't be installed.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from typing import Final

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
INSTALL: Final = ("apt-get", "install", "-y", "--no-install-recommends", "chromium")


def browser() -> str | None:
    """The path of Chromium: OBS_CHROMIUM, or the first of its names in PATH; None if there is none."""
    named = os.environ.get("OBS_CHROMIUM")
    return named or next(filter(None, map(shutil.which, NAMES)), None)


def prepare(*, root: bool, debian: bool) -> int:
    """Install Chromium if there is none and `root` may; return the exit code."""
    if (path := browser()) is not None:
        print(f"Browser tests use {path}")
        return 0
    if not (root and debian):
        said = "The browser tests need Chromium, and there is none. Install it, for example with:"
        print(f"{said}\n    sudo {' '.join(INSTALL)}\nor name one in OBS_CHROMIUM.", file=sys.stderr)
        return 1
    return _run(("apt-get", "update")) or _run(INSTALL) or (0 if browser() else 1)


def _run(command: Sequence[str]) -> int:
    print("+", " ".join(command), flush=True)
    return subprocess.run(command, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, check=False).returncode


if __name__ == "__main__":
    sys.exit(prepare(root=os.geteuid() == 0, debian=shutil.which("apt-get") is not None))

"""A disk that is full: a small filesystem where this machine allows one, else a limit on the size of files."""

import contextlib
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path


@contextlib.contextmanager
def small_filesystem(folder: Path, size: int) -> Iterator[bool]:
    """Mount a filesystem of `size` bytes at `folder`; False if this machine does not allow it."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    can = shutil.which("mount") is not None
    mounted = can and subprocess.run(command, capture_output=True, check=False).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Make a file that uses all remaining space."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(4096)) == 4096:
            pass
    return ballast


def limited(command: Sequence[str], kilobytes: int) -> list[str]:
    """A command that may not write a file beyond this size."""
    return ["/bin/sh", "-c", f'ulimit -f {2 * kilobytes}; exec "$@"', "sh", *command]

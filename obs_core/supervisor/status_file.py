"""`<log>.d/children.json`: the status of the child processes of all dashboards that show this log."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Final

from obs_core import safe_files
from obs_core.paths import folder_of
from obs_core.process_identity import pid_lives
from obs_core.supervisor.state import Child

NAME: Final = "children.json"
_LARGEST: Final = 1_000_000
_BEST_FIRST: Final = ("running", "starting", "waiting", "port in use", "off")


def children(log: Path) -> dict[str, Child]:
    """The children by name; if several dashboards have a child of the same name, the one in the best state."""
    worst_first = sorted(_read(_path(log)), key=lambda child: _BEST_FIRST.index(child.state), reverse=True)
    return {child.name: child for child in worst_first}


def write(log: Path, child: Child) -> None:
    """Write the status of `child`, replacing its previous status."""
    _replace(log, child, [child])


def remove(log: Path, child: Child) -> None:
    """Remove the status of `child`: its dashboard ends."""
    _replace(log, child, [])


def _replace(log: Path, child: Child, status: list[Child]) -> None:
    path = _path(log)
    safe_files.make_folder(path.parent)
    with _locked(path):
        others = [other for other in _read(path) if (other.dashboard, other.name) != (child.dashboard, child.name)]
        content = json.dumps({"children": [asdict(one) for one in (*others, *status)]}, indent=1)
        safe_files.replace(path, content.encode())


def _read(path: Path) -> list[Child]:
    """The children of running dashboards; none if the file is missing or invalid."""
    try:
        with os.fdopen(safe_files.open_file(path), "rb") as file:
            entries = [Child(**entry) for entry in json.loads(file.read(_LARGEST))["children"]]
    except (OSError, ValueError, TypeError, KeyError):
        return []
    return [child for child in entries if child.state in _BEST_FIRST and pid_lives(child.dashboard, child.birth)]


def _path(log: Path) -> Path:
    return Path(folder_of(str(log))) / NAME


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock against changes by other dashboards, where the system has such locks."""
    try:
        import fcntl  # noqa: PLC0415 - not on every system
    except ImportError:
        yield
        return
    descriptor = safe_files.open_or_make(path.with_suffix(".lock"))
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)

"""`<log>.d/children.json`: what became of the children of every dashboard that shows this log."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Final

from obs_core.paths import folder_of
from obs_core.process_identity import pid_lives
from obs_core.supervisor.state import Child

NAME: Final = "children.json"
_BEST_FIRST: Final = ("running", "starting", "waiting", "port in use", "off")


def children(log: Path) -> dict[str, Child]:
    """The children by name; where several dashboards have one of this name, the one that does best."""
    found = sorted(_living(_file(log)), key=lambda child: _BEST_FIRST.index(child.state), reverse=True)
    return {child.name: child for child in found}


def tell(log: Path, child: Child) -> None:
    """Write what became of `child` in place of what was said of it before."""
    _change(log, child, [child])


def forget(log: Path, child: Child) -> None:
    """Say nothing more of `child`: its dashboard ends."""
    _change(log, child, [])


def _change(log: Path, child: Child, said: list[Child]) -> None:
    path = _file(log)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _alone(path):
        others = [each for each in _living(path) if (each.dashboard, each.name) != (child.dashboard, child.name)]
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps({"children": [asdict(each) for each in (*others, *said)]}, indent=1), "utf-8")
        fresh.replace(path)


def _living(path: Path) -> list[Child]:
    """The children whose dashboard still runs; nothing if the file is not there or not ours."""
    try:
        told = [Child(**each) for each in json.loads(path.read_text("utf-8"))["children"]]
    except (OSError, ValueError, TypeError, KeyError):
        return []
    known = [child for child in told if child.state in _BEST_FIRST]
    return [child for child in known if pid_lives(child.dashboard, child.birth)]


def _file(log: Path) -> Path:
    return Path(folder_of(str(log))) / NAME


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """No other dashboard changes the file meanwhile, where the system has such locks."""
    try:
        import fcntl  # noqa: PLC0415 - not on every system
    except ImportError:
        yield
        return
    descriptor = os.open(path.with_suffix(".lock"), os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)

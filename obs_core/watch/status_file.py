"""`<log>.d/watch.json`: what fails in the watcher of a log, for pages; written whenever it changes."""

import json
import os
from pathlib import Path
from typing import Final, NamedTuple

from obs_core import safe_files
from obs_core.paths import folder_of
from obs_core.process_identity import birth_of, pid_lives

NAME: Final = "watch.json"
_LARGEST: Final = 1_000_000


class Fault(NamedTuple):
    """What fails in one part of the watcher: a sentence, how often it failed, and since when (nanoseconds)."""

    part: str
    text: str
    times: int
    since_ns: int


def faults(log: Path) -> list[Fault]:
    """The faults of the watcher of `log`; none if there are none, or it does not run."""
    try:
        descriptor = safe_files.open_file(_path(log))
        with os.fdopen(descriptor, "rb") as file:
            content = json.loads(file.read(_LARGEST))
        entries = [Fault(str(part), str(text), int(n), int(at)) for part, text, n, at in content["faults"]]
        return entries if pid_lives(int(content["pid"]), int(content["birth"])) else []
    except (OSError, ValueError, TypeError, KeyError):
        return []


def write(log: Path, current: list[Fault]) -> None:
    """Write the faults of this process.

    Raises:
        OSError: the file can't be written.
    """
    path = _path(log)
    safe_files.make_folder(path.parent)
    pid = os.getpid()
    content = {"pid": pid, "birth": birth_of(pid) or 0, "faults": current}
    safe_files.replace(path, json.dumps(content, ensure_ascii=False, indent=1).encode("utf-8", "backslashreplace"))


def _path(log: Path) -> Path:
    return Path(folder_of(str(log))) / NAME

"""`<log>.d/lake.json`: how far a log is written to the lake, for retention, the watcher and `doctor`."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from obs_core import safe_files
from obs_core.paths import folder_of

NAME: Final = "lake.json"
_LARGEST: Final = 100_000


@dataclass(frozen=True, slots=True)
class Progress:
    """What the last sealer wrote: the lake (without password), the number of the log in it, and how far it is.

    Rows up to `until_id` are in the lake, and all that reached the log before `complete_ns`. `error` and `hint` say why
    it stopped at `time_ns`; empty if it did not.
    """

    store: str
    writer: int = 0
    until_id: int = 0
    newest_id: int = 0
    complete_ns: int = 0
    time_ns: int = 0
    error: str = ""
    hint: str = ""


def read(log: Path) -> Progress | None:
    """What the last sealer of `log` wrote; None if there was none."""
    try:
        with os.fdopen(safe_files.open_file(_path(log)), "rb") as file:
            cells = json.loads(file.read(_LARGEST))
        texts = {name: str(cells.get(name, "")) for name in ("store", "error", "hint")}
        names = ("writer", "until_id", "newest_id", "complete_ns", "time_ns")
        return Progress(**texts, **{name: int(cells[name]) for name in names})  # type: ignore[arg-type]
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def write(log: Path, progress: Progress) -> None:
    """Write how far it is.

    Raises:
        OSError: the file can't be written.
    """
    path = _path(log)
    safe_files.make_folder(path.parent)
    safe_files.replace(path, json.dumps(asdict(progress), ensure_ascii=False).encode("utf-8", "replace"))


def until_id(log: Path, store: str) -> int:
    """The id up to which the rows of `log` are in the lake `store`; 0 if that is not known."""
    last = read(log)
    return last.until_id if last and last.store == store else 0


def _path(log: Path) -> Path:
    return Path(folder_of(str(log))) / NAME

"""`<log>.d/sealer.json`: how far the sealer of a log is, and why it stopped; written by it, for pages and `doctor`."""

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

from obs_core import safe_files
from obs_core.clock import SECOND
from obs_core.errors import ObsError
from obs_core.paths import folder_of
from obs_core.process_identity import birth_of, pid_lives

NAME: Final = "sealer.json"
SILENT_NS: Final = 120 * SECOND
"""A step takes a second of processor time, but at the lowest priority; a sealer that is silent for longer is stuck."""
_LARGEST: Final = 100_000
_BLOCK: Final = 4_096
_MILLION: Final = 1_000_000
State = Literal["running", "silent", "ended", "failed"]


@dataclass(frozen=True, slots=True)
class Progress:
    """What a sealer wrote after its last step: the rows that are sealed, all rows, and those older than the sealed.

    `error` and `hint` say why it stopped; empty while it runs, and when it had nothing more to do.
    """

    pid: int
    birth: int
    time_ns: int
    has_ended: bool
    sealed_rows: int
    rows: int
    older_rows: int
    error: str = ""
    hint: str = ""

    def state(self, now_ns: int) -> State:
        """What the sealer does now; one that was killed has ended."""
        if self.error:
            return "failed"
        if self.has_ended or not pid_lives(self.pid, self.birth):
            return "ended"
        return "silent" if now_ns - self.time_ns > SILENT_NS else "running"

    @property
    def share_text(self) -> str:
        """The sealed rows among all in a few words: 3.2 of 10 M (32 %)."""
        done, total = self.sealed_rows, max(self.rows, 1)
        both = f"{done:,} of {total:,}"
        if total >= _MILLION:
            done_text, total_text = (f"{n * 10 // _MILLION / 10:,.1f}".removesuffix(".0") for n in (done, total))
            both = f"{done_text} of {total_text} M"
        return f"{both} ({100 * done // total} %)"


def read(log: Path) -> Progress | None:
    """What the last sealer of `log` wrote; None if there was none."""
    try:
        with os.fdopen(safe_files.open_file(_path(log)), "rb") as file:
            cells = json.loads(file.read(_LARGEST)).items()
        typed: dict[str, Any] = {name: (str if name in ("error", "hint") else int)(cell) for name, cell in cells}
        return Progress(**typed)
    except (OSError, ValueError, TypeError, AttributeError):
        return None


class Report:
    """Writes what this process does; nothing if that can't be written, because sealing does not depend on it."""

    def __init__(self, log: Path) -> None:
        """A report of a sealer that has not begun."""
        self._path, pid = _path(log), os.getpid()
        self._last = Progress(pid, birth_of(pid) or 0, 0, has_ended=False, sealed_rows=0, rows=0, older_rows=0)

    def step(self, now_ns: int, sealed: tuple[int, int] | None, ends: tuple[int, int]) -> None:
        """Write how far it is: the sealed range as in the manifest, and the lowest and the highest id of the log."""
        lowest, newest = ends
        from_id, until_id = sealed or (newest, newest)
        self._write(
            time_ns=now_ns,
            sealed_rows=until_id - from_id,
            rows=newest - min(lowest - 1, from_id) if newest else 0,
            older_rows=max(0, from_id - lowest + 1) if newest else 0,
        )

    def end(self, now_ns: int) -> None:
        """Write that nothing more is to do."""
        self._write(time_ns=now_ns, has_ended=True)

    def fail(self, now_ns: int, error: ObsError) -> None:
        """Write why it stops."""
        self._write(time_ns=now_ns, has_ended=True, error=error.message, hint=error.hint)

    def _write(self, **changes: int | str) -> None:
        self._last = replace(self._last, **changes)  # type: ignore[arg-type]
        content = json.dumps(asdict(self._last), ensure_ascii=False).encode("utf-8", "replace").ljust(_BLOCK)
        try:
            safe_files.make_folder(self._path.parent)
            safe_files.replace(self._path, content)
        except OSError:
            with suppress(OSError):  # on a full disk, the file that is there can still be changed
                descriptor = safe_files.open_file(self._path, write=True)
                try:
                    os.pwrite(descriptor, content, 0)
                finally:
                    os.close(descriptor)


def _path(log: Path) -> Path:
    return Path(folder_of(str(log))) / NAME

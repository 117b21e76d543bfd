"""`<log>.d/forward.json`: what the forwarder of a log does, and the sentence about it for the Overview and `doctor`."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from obs_core import safe_files
from obs_core.clock import SECOND
from obs_core.paths import folder_of
from obs_core.process_identity import birth_of, pid_lives

NAME: Final = "forward.json"
_LARGEST: Final = 1_000_000
_SHOWN_NS: Final = 24 * 3600 * SECOND  # a refusal is mentioned for a day


@dataclass(frozen=True, slots=True)
class Signal:
    """One signal of a running forwarder; the numbers are rows, except the times, which are nanoseconds."""

    name: str
    behind: int
    error: str
    since_ns: int
    until_ns: int
    sent: int
    rejected: int
    refused: int
    lost: int
    unreadable: int
    last_sent_ns: int
    refusal: str
    refusal_ns: int


@dataclass(frozen=True, slots=True)
class Status:
    """A running forwarder: the name of its endpoint (host and port) and its signals."""

    endpoint: str
    signals: tuple[Signal, ...]

    @property
    def is_failing(self) -> bool:
        """Whether a signal is not sent now."""
        return any(signal.error for signal in self.signals)

    def text(self, now_ns: int) -> str:
        """What it does, in sentences."""
        behind = max((signal.behind for signal in self.signals), default=0)
        last_ns = max((signal.last_sent_ns for signal in self.signals), default=0)
        last = f"last sent {_ago(now_ns - last_ns)} ago" if last_ns else "nothing sent yet"
        how_far = f"{behind:,} rows behind" if behind else "all rows sent" if last_ns else "waiting for rows"
        parts = [f"Forwarding to {self.endpoint}: {how_far}, {last}."]
        parts += dict.fromkeys(
            f"{signal.name.capitalize()}: {signal.error} {_next(signal, now_ns)}"
            for signal in self.signals
            if signal.error
        )
        return " ".join([*parts, *self._losses(now_ns)])

    def _losses(self, now_ns: int) -> list[str]:
        """What was not sent, or not accepted, for good."""
        texts = []
        refused = sum(signal.refused + signal.rejected for signal in self.signals)
        newest = max(self.signals, key=lambda signal: signal.refusal_ns, default=None)
        if refused and newest and now_ns - newest.refusal_ns < _SHOWN_NS and not self.is_failing:
            texts.append(f"{_rows(refused)} not accepted in all; the last time: {newest.refusal}")
        elif refused:
            texts.append(f"{_rows(refused)} not accepted in all.")
        if lost := max((signal.lost for signal in self.signals), default=0):
            texts.append(f"{_rows(lost)} deleted before forwarding (OBS_FORWARD_HOLD).")
        if unreadable := sum(signal.unreadable for signal in self.signals):
            texts.append(f"{_rows(unreadable)} skipped as unreadable.")
        return texts


def read(log: Path) -> Status | None:
    """The status of the forwarder of `log`; None if none runs."""
    try:
        with os.fdopen(safe_files.open_file(_path(log)), "rb") as file:
            content = json.loads(file.read(_LARGEST))
        if not pid_lives(int(content["pid"]), int(content["birth"])):
            return None
        signals = tuple(_signal(cells) for cells in content["signals"])
        return Status(str(content["endpoint"]), signals)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def write(log: Path, status: Status) -> None:
    """Write the status of this process.

    Raises:
        OSError: the file can't be written.
    """
    path = _path(log)
    safe_files.make_folder(path.parent)
    pid = os.getpid()
    content = {"pid": pid, "birth": birth_of(pid) or 0, **asdict(status)}
    safe_files.replace(path, json.dumps(content, indent=1).encode("utf-8", "backslashreplace"))


def _signal(cells: Mapping[str, object]) -> Signal:
    texts, numbers = ("name", "error", "refusal"), Signal.__slots__
    return Signal(**{name: str(cells[name]) if name in texts else int(str(cells[name])) for name in numbers})  # type: ignore[arg-type] # by the fields of the class


def _rows(count: int) -> str:
    return f"{count:,} row was" if count == 1 else f"{count:,} rows were"


def _next(signal: Signal, now_ns: int) -> str:
    left_ns = signal.until_ns - now_ns
    return f"Next attempt in {_ago(left_ns)}." if left_ns >= SECOND else "Trying again."


def _ago(length_ns: int) -> str:
    """A time as people say it: 3 s, 5 min, 2 h."""
    seconds = max(0, length_ns) // SECOND
    for size, unit in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size:,} {unit}"
    return f"{seconds} s"


def _path(log: Path) -> Path:
    return Path(folder_of(str(log))) / NAME

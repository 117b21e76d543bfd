"""`<log>.d/forward-positions.json`: up to which id the rows of each signal were sent, by endpoint.

It is written, and is on the disk, after the endpoint has accepted a request; so a forwarder that is killed at any time
sends the rows of one request again, and leaves none out. It needs the standard library only: retention reads it too.
"""

import json
import os
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from obs_core import safe_files
from obs_core.paths import folder_of

NAME: Final = "forward-positions.json"
_LARGEST: Final = 1_000_000
_MOST_ENDPOINTS: Final = 20


@dataclass(frozen=True, slots=True)
class Position:
    """How far one signal was sent to one endpoint, and what happened to its rows since the first time.

    `up_to_id` is the last row of the log that was read and accepted, or refused for good; `at_ns` is its timestamp, by
    which another log of the same name is noticed (None: unknown). `sent`, `rejected` (by a partial success), `refused`
    (by an error), `lost` (deleted by retention before they were sent) and `unreadable` count rows. `refusal` is the
    last reason for one of them.
    """

    up_to_id: int
    at_ns: int | None = None
    sent: int = 0
    rejected: int = 0
    refused: int = 0
    lost: int = 0
    unreadable: int = 0
    last_sent_ns: int = 0
    refusal: str = ""
    refusal_ns: int = 0


class Positions:
    """The positions of one endpoint; `record` may be called by several threads."""

    def __init__(self, log: Path, endpoint: str) -> None:
        """Read the file; a missing one has no positions."""
        self._path, self._endpoint = path_of(log), endpoint
        self._lock = threading.Lock()
        self._all = _read(self._path)

    def of(self, signal: str) -> Position | None:
        """The position of a signal; None if nothing was forwarded yet."""
        with self._lock:
            return self._all.get(self._endpoint, {}).get(signal)

    def record(self, signal: str, position: Position) -> None:
        """Write the position of a signal to the disk.

        Raises:
            OSError: it can't be written; the file has the position from before.
        """
        with self._lock:
            mine = {**self._all.get(self._endpoint, {}), signal: position}
            others = {name: known for name, known in self._all.items() if name != self._endpoint}
            newest = dict(list(others.items())[-_MOST_ENDPOINTS + 1 :]) | {self._endpoint: mine}
            content = {
                endpoint: {name: asdict(one) for name, one in signals.items()} for endpoint, signals in newest.items()
            }
            safe_files.make_folder(self._path.parent)
            text = json.dumps({"endpoints": content}, indent=1)
            safe_files.replace(self._path, text.encode("utf-8", "backslashreplace"), durable=True)
            self._all = newest


def path_of(log: Path) -> Path:
    """The file of the positions of `log`."""
    return Path(folder_of(str(log))) / NAME


def restarted(position: Position) -> Position:
    """The position at the beginning of another log; the counts stay."""
    return replace(position, up_to_id=0, at_ns=None)


def _read(path: Path) -> dict[str, dict[str, Position]]:
    """All positions, those of the endpoint that was used last at the end."""
    try:
        with os.fdopen(safe_files.open_file(path), "rb") as file:
            endpoints = json.loads(file.read(_LARGEST))["endpoints"]
        return {
            str(endpoint): {str(signal): _position(cells) for signal, cells in signals.items()}
            for endpoint, signals in endpoints.items()
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def _position(cells: Mapping[str, Any]) -> Position:
    position = Position(**cells)
    if not isinstance(position.up_to_id, int):
        raise TypeError
    return position

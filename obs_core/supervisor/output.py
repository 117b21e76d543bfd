"""The output of a child process, line by line, with a limit on how long it may be silent."""

import os
import select
import time
from typing import Final

_SLICE_S: Final = 1.0
_LARGEST: Final = 65_536


class Lines:
    """The lines that a child writes to `descriptor`; `is_silent` says whether reading ended because there were none."""

    def __init__(self, descriptor: int) -> None:
        """Read from `descriptor`."""
        self.is_silent = False
        self._descriptor = descriptor
        self._rest = b""
        self._is_open = True

    def next(self, limit_s: float) -> str | None:
        """The next line; None at the end of the output, or after `limit_s` seconds without any (0: no limit).

        Only time in which this process runs counts: if both were stopped, the child gets its whole time again.
        """
        silent_s = 0.0
        while b"\n" not in self._rest and self._is_open and len(self._rest) < _LARGEST:
            start_s = time.monotonic()
            if select.select((self._descriptor,), (), (), _SLICE_S)[0]:
                self._read()
                continue
            silent_s += min(time.monotonic() - start_s, 2 * _SLICE_S)
            if limit_s and silent_s >= limit_s:
                self.is_silent = True
                return None
        line, newline, self._rest = self._rest.partition(b"\n")
        return (line + newline).decode("utf-8", "replace") if line or newline else None

    def _read(self) -> None:
        received = os.read(self._descriptor, _LARGEST)
        self._rest += received
        self._is_open = bool(received)

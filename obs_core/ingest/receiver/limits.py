"""The limits of one request: its size, the parts it may have, and the time it may take to read."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from obs_core.capture.options import MEBIBYTE
from obs_core.ingest.formats.rows import Refused
from obs_core.ingest.receiver.responses import Refusal
from obs_core.model import Row
from obs_core.settings import Settings

MOST_TIMES: Final = 200  # traces pack 10 to 60 times, a bomb 1,030 times
FREE_BYTES: Final = 16 * MEBIBYTE  # that any request may unpack to

_CHECKED: Final = 64  # parts between two looks at the clock, which costs 0.3 µs


@dataclass(frozen=True, slots=True)
class Limits:
    """`size`: bytes after decompression; `parts`: values of JSON or messages of protobuf; `work_s`: processor time."""

    size: int
    parts: int
    work_s: int

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        """The limits in the settings."""
        return cls(settings.otlp_limit_mb * MEBIBYTE, settings.otlp_limit_parts, settings.otlp_work_s)

    def check_unpacked(self, unpacked: int, packed: int) -> None:
        """Return if a body of `packed` bytes may have unpacked to this.

        Raises:
            Refusal: 413.
        """
        if unpacked > self.size:
            raise self.too_large()
        if unpacked > max(FREE_BYTES, MOST_TIMES * packed):
            raise Refusal(
                413, f"The body unpacks to more than {MOST_TIMES} times its size; batches do not pack so well."
            )

    def too_large(self) -> Refusal:
        """413: more than the largest size, after decompression."""
        said = f"The request has more than {self.size:,} bytes; send smaller batches, or raise OBS_OTLP_LIMIT_MB."
        return Refusal(413, said)

    def too_many_parts(self, what: str) -> Refusal:
        """413: more parts than the limit."""
        said = f"The request has more than {self.parts:,} {what}; send smaller batches, or raise OBS_OTLP_LIMIT_PARTS."
        return Refusal(413, said)

    def timed(self, parts: Iterable[Row | Refused]) -> Iterator[Row | Refused]:
        """`parts`, as long as this thread does not work on them for too long.

        Raises:
            Refusal: 413, nothing is stored.
        """
        end = time.thread_time() + self.work_s
        for number, part in enumerate(parts):
            if number % _CHECKED == 0 and time.thread_time() > end:
                said = f"Reading the request takes more than {self.work_s} s; send smaller batches."
                raise Refusal(413, said)
            yield part

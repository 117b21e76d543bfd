"""What a drain reads: the frames of a spool, or of the buffer in memory."""

from typing import Protocol

from obs_core.capture.spool.frames import Frame
from obs_core.capture.spool.header import Header


class FrameSource(Protocol):
    """A source of frames: the spool of this process or of another, or the buffer in memory."""

    header: Header

    @property
    def name(self) -> str:
        """The name under which the log keeps its position."""

    def read(self, position: int, limit: int) -> tuple[list[Frame], int]:
        """At most `limit` frames from `position` on, and the position after them."""

    def site_key(self, site_id: int) -> bytes | None:
        """The marshalled site with this id."""

    def oldest(self) -> int:
        """The position of the oldest frame that can still be read."""

    def release(self, position: int) -> None:
        """Free what is before `position`: it is in the log."""

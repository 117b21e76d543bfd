"""A new spool for a process after its spool was deleted, for example with its folder."""

from collections.abc import Sequence

from obs_core.capture.options import Options
from obs_core.capture.spool.frames import encode_frame
from obs_core.capture.spool.memory_fallback import MemoryBuffer, new_spool
from obs_core.capture.spool.spool import Spool

_BATCH = 8192


def renewed(options: Options, keys: Sequence[bytes], old: Spool | MemoryBuffer) -> Spool | MemoryBuffer:
    """A new spool that continues the counters of `old`."""
    spool = new_spool(options, keys)
    spool.continue_counts(old.header)
    return spool


def take_over(spool: Spool | MemoryBuffer, old: Spool | MemoryBuffer, position: int) -> None:
    """Copy the frames of `old`, which accepts no more, from `position` on."""
    while True:
        frames, end = old.read(position, _BATCH)
        for frame in frames:
            spool.write(encode_frame(frame[:-1], frame[-1]))
        if end == position:
            return
        position = end

"""Frames: how a row travels through the spool, from the traced call to the drain.

A frame is its checksum and length (two little-endian 32-bit numbers) and a marshalled tuple `Event`. A length of zero
ends the frames of a segment, which is zeroed before use; the checksum tells a frame that a killed process began to
write from one it finished. Adler-32 suffices for that and costs half of CRC-32.
"""

import marshal
import struct
from typing import Any, Final, NamedTuple
from zlib import adler32

from obs_core.model import Kind

HEAD: Final = struct.Struct("<II")
MARSHAL_VERSION: Final = 2  # without references: 496 ns for a row, version 4 needs 761


class Site(NamedTuple):
    """What all rows of one place have in common; marshalled once, and the first part of each of its events."""

    kind: Kind
    data: str
    function: str | None
    file: str | None
    line: int | None


class Event(NamedTuple):
    """One row on its way. `value` is plain data, described by the drain, or None where `more` describes it.

    `more` may hold: type, text (of the value), hash and length (of a text that was cut), status, exception, stack
    (the frames of a traceback), memory, attributes (a dict of plain data), result (False: no value was captured).
    """

    site: bytes
    trace: bytes | None
    span: int | None
    parent: int | None
    timestamp_ns: int
    duration_ns: int | None
    value: object
    more: dict[str, object] | None


def site_key(site: Site) -> bytes:
    """The marshalled form of `site`."""
    return marshal.dumps(tuple(site), MARSHAL_VERSION)


def frame(event: tuple[Any, ...]) -> bytes:
    """The frame that carries `event` (the parts of an `Event`).

    Raises:
        ValueError: it holds something that is no plain data.
    """
    payload = marshal.dumps(event, MARSHAL_VERSION)
    return HEAD.pack(adler32(payload), len(payload)) + payload


def parse(memory: bytes, offset: int, limit: int) -> tuple[list[bytes], int, bool]:
    """The payloads of at most `limit` whole frames in `memory` from `offset` on.

    Returns them, the offset behind the last of them, and whether a damaged or unfinished frame follows there.
    """
    found: list[bytes] = []
    end = len(memory)
    head = HEAD.size
    unpack = HEAD.unpack_from
    while len(found) < limit and offset + head <= end:
        checksum, length = unpack(memory, offset)
        if not length:
            return found, offset, checksum != 0
        payload = memory[offset + head : offset + head + length]
        if len(payload) < length or adler32(payload) != checksum:
            return found, offset, True
        found.append(payload)
        offset += head + length
    return found, offset, False

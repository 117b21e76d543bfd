"""Frames: how a row travels through the spool, from the traced call to the drain.

A frame is a fixed head (little-endian: length of the value, site, trace id as two halves, span id, parent's span id,
start, duration), the marshalled value, and the Adler-32 checksum of both. A length of zero ends the frames of a
segment, which is cleared before use; the checksum tells a frame that a killed process began to write from one it
finished, at half the cost of CRC-32. Packing the head costs 170 ns, marshalling the same numbers 580 ns.
"""

import struct
from marshal import dumps
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from zlib import adler32

from obs_core.model import Kind, Row

if TYPE_CHECKING:
    from mmap import mmap

HEAD: Final = struct.Struct("<IIQQQQqq")
CHECKSUM_SIZE: Final = 4
MARSHAL_VERSION: Final = 2  # without references: version 4 costs half as much again
DESCRIBED: Final = 1 << 31  # set in the site: the value is a pair (plain value, what else the row says)
READY: Final = 1 << 30  # the site of a row that is ready: the value is the whole `Row`, the start its arrival
NOT_MEASURED: Final = -1
SITES_SIZE: Final = 1 << 20
"""Bytes of a spool that hold the sites: some 7,000 functions. What is beyond travels with each of its rows."""


class CallSite(NamedTuple):
    """What all rows of one place have in common."""

    kind: Kind
    data: str
    function: str | None
    file: str | None
    line: int | None


Event = tuple[int, int, int, int, int, int, int, bytes]
"""One row as the drain reads it: the parts of the head after the length, and the marshalled value.

Where the site has DESCRIBED set, the value is a pair (plain value, more). `more` may hold: type, text (of the value),
length and hash (of a text that was cut), result (False: no value was captured), status, exception, stack (see
`failure.chain`, or text), memory, attributes (a dict of plain data), about (events, links, scope), process and group
(where they are not the writer's), site (the marshalled `Site` if it has no number). Where the site is READY, the value
is a whole `Row`, and the start is when it arrived.
"""


def frame(place: tuple[int, int, int, int, int, int, int], value: bytes) -> bytes:
    """The frame of a row: `place` are the parts of an `Event` before the value."""
    body = HEAD.pack(len(value), *place) + value
    return body + adler32(body).to_bytes(CHECKSUM_SIZE, "little")


def ready_frame(row: Row, arrived_ns: int) -> bytes:
    """The frame of a row that needs no more than to be stored, because another program made it."""
    return frame((READY, 0, 0, 0, 0, arrived_ns, NOT_MEASURED), dumps(tuple(row), MARSHAL_VERSION))


def parse(memory: bytes, offset: int, limit: int) -> tuple[list[Event], int, bool]:
    """At most `limit` whole frames in `memory` from `offset` on.

    Returns them, the offset behind the last of them, and whether a damaged, unfinished or cut frame follows there.
    """
    found: list[Event] = []
    end = len(memory)
    head, unpack = HEAD.size, HEAD.unpack_from
    while len(found) < limit and offset + head < end:
        parts = unpack(memory, offset)
        if not parts[0]:
            return found, offset, any(parts)
        stop = offset + head + parts[0]
        body = memory[offset:stop]
        if adler32(body) != int.from_bytes(memory[stop : stop + CHECKSUM_SIZE], "little"):
            return found, offset, True
        found.append((*parts[1:], body[head:]))
        offset = stop + CHECKSUM_SIZE
    return found, offset, False


def parse_between(memory: "mmap", start: int, stop: int, limit: int) -> tuple[list[Event], int, bool]:
    """Like `parse` between `start` and `stop`, copying no more than the rows need."""
    piece = 256 * limit
    while True:
        chunk = memory[start : min(start + piece, stop)]
        found, end, damaged = parse(chunk, 0, limit)
        whole = start + len(chunk) >= stop
        if found or whole or not (damaged or len(chunk) <= HEAD.size + CHECKSUM_SIZE):
            return found, start + end, damaged
        piece *= 4


class Sites:
    """The numbers of the sites of this process; each new one is told to the spool before it is used."""

    def __init__(self) -> None:
        """No sites yet; number 0 stands for a site that has no number."""
        self.keys: list[bytes] = []
        self._numbers: dict[bytes, int] = {}
        self._room = SITES_SIZE

    def number(self, key: bytes) -> tuple[int, bool]:
        """The number of the site marshalled as `key` (0 if there is no more room), and whether it is new."""
        known = self._numbers.get(key)
        if known is not None:
            return known, False
        self._room -= len(key) + HEAD.size + CHECKSUM_SIZE
        if self._room < 0:
            return 0, False
        self.keys.append(key)
        # Two threads with the same site may both append: then it has two numbers, and both are right.
        number = self._numbers[key] = len(self.keys)
        if self.keys[number - 1] is not key:
            number = self._numbers[key] = self.keys.index(key) + 1
        return number, True


def site_key(site: CallSite) -> bytes:
    """The marshalled form of `site`."""
    return dumps(tuple(site), MARSHAL_VERSION)


def site_frame(number: int, key: bytes) -> bytes:
    """What tells a spool that the site marshalled as `key` has this number."""
    return frame((number, 0, 0, 0, 0, 0, 0), key)


def value_bytes(value: Any, more: dict[str, Any] | None) -> tuple[int, bytes]:  # noqa: ANN401 - any plain data
    """(DESCRIBED or 0, the marshalled value) of a frame.

    Raises:
        ValueError: it holds something that is no plain data.
    """
    if more is None:
        return 0, dumps(value, MARSHAL_VERSION)
    return DESCRIBED, dumps((value, more), MARSHAL_VERSION)

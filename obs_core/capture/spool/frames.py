"""Frames: the binary form of a row in the spool, from the traced call to the drain.

A frame is a fixed head (little-endian: length of the value, site id, trace id as two halves, span id, parent's span id,
start, duration), the marshalled value, and the Adler-32 checksum of both. A length of zero ends the frames of a
segment, which is cleared before use. The checksum detects a frame that a killed process did not finish writing, at half
the cost of CRC-32. Packing the head costs 170 ns, marshalling the same numbers 580 ns.
"""

import struct
from collections.abc import Callable
from marshal import dumps
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from zlib import adler32

if TYPE_CHECKING:
    from obs_core.capture.spool.header import Memory
    from obs_core.model import Kind, Row  # not at run time: the import takes 0.5 ms of a traced program
else:
    Kind = str  # a name that a NamedTuple can't resolve takes 1.3 ms

HEAD: Final = struct.Struct("<IIQQQQqq")
CHECKSUM_SIZE: Final = 4
MARSHAL_VERSION: Final = 2  # without references: version 4 costs half as much again
DESCRIBED: Final = 1 << 31  # set in the site id: the value is a pair (plain value, details)
READY: Final = 1 << 30  # the site id of a finished row: the value is a whole `Row`, the start is its arrival
NOT_MEASURED: Final = -1
LATEST_NS: Final = (1 << 63) - 1
EARLIEST_NS: Final = -LATEST_NS - 1
_UNSIGNED: Final = (1 << 64) - 1
SITES_SIZE: Final = 1 << 20
"""Bytes of a spool that hold the sites: some 7,000 functions. Each row of any further site carries the site itself."""


class CallSite(NamedTuple):
    """The fields that all rows of one place in the code share."""

    kind: Kind
    data: str
    function: str | None
    file: str | None
    line: int | None


Frame = tuple[int, int, int, int, int, int, int, bytes]
"""A parsed frame: site id, trace id (high, low), span id, parent's span id, start_ns, duration_ns, marshalled value.

If the site id has DESCRIBED set, the value is a pair (plain value, details). `details` may hold: type, text (of the
value), length (of a value that the text does not show in full), hash or incomparable (how a reading is compared,
see `values.equality.Key`), result (False: no value was captured), status, exception, stack (see
`exceptions.exception_chain`, or text), memory, attributes and baggage (dicts of plain data), about (events, links,
scope), process and group (if they are not the writer's), site (the marshalled `CallSite` if it has no id). If the site
id is READY, the value is a whole `Row`, and the start is its arrival.
"""


def encode_frame(head_fields: tuple[int, int, int, int, int, int, int], value: bytes) -> bytes:
    """The bytes of a frame; `head_fields` are the parts of a `Frame` before the value, limited to 64 bits."""
    try:
        body = HEAD.pack(len(value), *head_fields) + value
    except struct.error:
        body = HEAD.pack(len(value), *_in_range(head_fields)) + value
    return body + adler32(body).to_bytes(CHECKSUM_SIZE, "little")


def _in_range(head_fields: tuple[int, ...]) -> list[int]:
    """`head_fields` with times at the bound of 64 bits (the years 1677 and 2262), and ids without their higher bits."""
    site_id, *ids = head_fields[:-2]
    times = (max(EARLIEST_NS, min(LATEST_NS, time_ns)) for time_ns in head_fields[-2:])
    return [site_id, *(number & _UNSIGNED for number in ids), *times]


def ready_frame(row: "Row", arrived_ns: int) -> bytes:
    """The frame of a finished row, received from another program."""
    return encode_frame((READY, 0, 0, 0, 0, arrived_ns, NOT_MEASURED), dumps(tuple(row), MARSHAL_VERSION))


def parse(memory: bytes, offset: int, limit: int) -> tuple[list[Frame], int, bool]:
    """Parse at most `limit` whole frames in `memory` from `offset` on.

    Returns the frames, the offset after the last one, and whether a damaged, unfinished or cut frame follows there.
    """
    frames: list[Frame] = []
    end = len(memory)
    head, unpack = HEAD.size, HEAD.unpack_from
    while len(frames) < limit and offset + head < end:
        parts = unpack(memory, offset)
        if not parts[0]:
            return frames, offset, any(parts)
        stop = offset + head + parts[0]
        body = memory[offset:stop]
        if adler32(body) != int.from_bytes(memory[stop : stop + CHECKSUM_SIZE], "little"):
            return frames, offset, True
        frames.append((*parts[1:], body[head:]))
        offset = stop + CHECKSUM_SIZE
    return frames, offset, False


def parse_between(memory: "Memory", start: int, stop: int, limit: int) -> tuple[list[Frame], int, bool]:
    """Like `parse`, between `start` and `stop`, without copying the whole range."""
    piece = 256 * limit
    while True:
        chunk = memory[start : min(start + piece, stop)]
        frames, end, damaged = parse(chunk, 0, limit)
        whole = start + len(chunk) >= stop
        if frames or whole or not (damaged or len(chunk) <= HEAD.size + CHECKSUM_SIZE):
            return frames, start + end, damaged
        piece *= 4


class Sites:
    """The site ids of this process; a new id is written to the spool before it is used."""

    def __init__(self) -> None:
        """Start without sites; id 0 means that a site has no id."""
        self.keys: list[bytes] = []
        self._ids: dict[bytes, int] = {}
        self._bytes_left = SITES_SIZE

    def register(self, site_key: bytes) -> tuple[int, bool]:
        """The id of the site marshalled as `site_key` (0 if SITES_SIZE is used up), and whether it is new."""
        known = self._ids.get(site_key)
        if known is not None:
            return known, False
        self._bytes_left -= len(site_key) + HEAD.size + CHECKSUM_SIZE
        if self._bytes_left < 0:
            return 0, False
        self.keys.append(site_key)
        # Two threads may both append the same site: then it has two ids, and both are valid.
        site_id = self._ids[site_key] = len(self.keys)
        if self.keys[site_id - 1] is not site_key:
            site_id = self._ids[site_key] = self.keys.index(site_key) + 1
        return site_id, True


def encode_site(site: CallSite) -> bytes:
    """The marshalled form of `site`."""
    return dumps(tuple(site), MARSHAL_VERSION)


def site_frame(site_id: int, site_key: bytes) -> bytes:
    """The frame that registers the site marshalled as `site_key` under `site_id`."""
    return encode_frame((site_id, 0, 0, 0, 0, 0, 0), site_key)


def encode_value(value: Any, details: dict[str, Any] | None) -> tuple[int, bytes]:  # noqa: ANN401 - any plain data
    """(DESCRIBED or 0, the marshalled value) of a frame.

    Raises:
        ValueError: it holds something that is not plain data.
    """
    if details is None:
        return 0, dumps(value, MARSHAL_VERSION)
    return DESCRIBED, dumps((value, details), MARSHAL_VERSION)


class FrameSink:
    """Where traced calls put their frames: `write` is the fast path, `put` the fallback, `start` makes a spool."""

    __slots__ = ("put", "start", "write")

    def __init__(self, put: Callable[[bytes], None]) -> None:
        """Send frames to `put` until there is a spool."""
        self.write: Callable[[bytes], object] = put
        self.put = self.start = put

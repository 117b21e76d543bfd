"""Decompresses gzip and zlib in small pieces, so that a bomb is noticed before it fills the memory.

Source: RFC 1952 (a gzip file is a sequence of members), RFC 1950.
"""

import zlib
from collections.abc import Iterable, Iterator
from typing import Final

GZIP: Final = 31  # zlib's window of 15 bits; 16 more mean a gzip header
ZLIB: Final = 15
PIECE: Final = 1 << 16  # input that is given to zlib at once: what it leaves is copied, so it must be small
FREE_MEMBERS: Final = 1_000
MEMBER_BYTES: Final = 1_024  # that each further member must unpack to on average; bgzip's have 65,280

_OUTPUT: Final = 1 << 20


class TooManyMembers(Exception):
    """The data has too many members for what they unpack to: they cost time, not space."""

    def __init__(self) -> None:
        """The message is a sentence without its subject."""
        super().__init__(f"has more than {FREE_MEMBERS:,} gzip members of less than {MEMBER_BYTES:,} bytes")


def pieces(packed: Iterable[bytes | memoryview], window: int) -> Iterator[bytes]:
    """The unpacked bytes of all members, at most 1 MiB at once; `packed` should come in parts of `PIECE` bytes.

    Zeros after a gzip member are padding, as in Python's gzip module.

    Raises:
        TooManyMembers: see there.
        zlib.error: it is damaged or cut off.
    """
    member = None
    members = unpacked = 0
    for part in packed:
        rest: bytes | memoryview = part
        while rest:
            if member is None:
                if members and window == GZIP and not (rest := bytes(rest).lstrip(b"\0")):
                    break
                members += 1
                if members > FREE_MEMBERS + unpacked // MEMBER_BYTES:
                    raise TooManyMembers
                member = zlib.decompressobj(window)
            piece = member.decompress(rest, _OUTPUT)
            unpacked += len(piece)
            yield piece
            if member.eof:
                rest, member = member.unused_data, None
            else:
                rest = member.unconsumed_tail
    if member is not None:
        yield member.flush()
        if not member.eof:
            raise zlib.error("it is cut off")


def parts_of(packed: bytes | bytearray) -> Iterator[memoryview]:
    """`packed` in parts of `PIECE` bytes, not copied."""
    view = memoryview(packed)
    return (view[at : at + PIECE] for at in range(0, len(view), PIECE))

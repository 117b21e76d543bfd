"""Decompression in pieces: the same bytes as Python's own modules, and no input that takes time without end."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obs_core.ingest import inflate

Parts = st.lists(st.binary(max_size=300), max_size=5)


def unpacked(packed: bytes, window: int = inflate.GZIP, size: int = inflate.PIECE) -> bytes:
    parts = (packed[at : at + size] for at in range(0, len(packed), size))
    return b"".join(inflate.pieces(parts, window))


@given(Parts, st.integers(1, 50), st.booleans())
def test_all_members_are_read_however_the_input_is_cut(members: list[bytes], size: int, padded: bool) -> None:  # noqa: FBT001 - hypothesis
    packed = b"".join(gzip.compress(member, mtime=0) + b"\0" * 7 * padded for member in members)
    assert unpacked(packed, size=size) == b"".join(members)


@given(st.binary(min_size=1), st.data())
def test_what_is_cut_off_is_an_error(content: bytes, data: st.DataObject) -> None:
    for packed, window in ((gzip.compress(content), inflate.GZIP), (zlib.compress(content), inflate.ZLIB)):
        assert unpacked(packed, window) == content
        cut = packed[: data.draw(st.integers(1, len(packed) - 1))]
        with pytest.raises(zlib.error):
            unpacked(cut, window)


def test_a_bomb_comes_in_small_pieces() -> None:
    bomb = gzip.compress(bytes(50 << 20))
    sizes = [len(piece) for piece in inflate.pieces(inflate.parts_of(bomb), inflate.GZIP)]
    assert max(sizes) <= 1 << 20
    assert sum(sizes) == 50 << 20


def test_members_that_unpack_to_nothing_are_limited_and_large_ones_are_not() -> None:
    with pytest.raises(inflate.TooManyMembers, match="1,000 gzip members"):
        unpacked(gzip.compress(b"") * 1_000_000)
    assert len(unpacked(gzip.compress(bytes(2_000), 1) * 5_000)) == 10_000_000

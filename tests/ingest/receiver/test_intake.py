"""Space in the spool: a batch that is said to fit does."""

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from obs_core.capture.spool.frames import ready_frame
from obs_core.capture.spool.header import WriterIdentity
from obs_core.capture.spool.spool import Spool
from obs_core.model import Row
from obs_core.process_identity import pid_namespace

WRITER = WriterIdentity("p", None, "host", None, None, pid_namespace(), "x.db")
MEBIBYTE = 1 << 20


def frames(sizes: list[int]) -> list[bytes]:
    return [ready_frame(Row("call", "p", "a" * size, 1), 1) for size in sizes]


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(1, 250_000), min_size=1, max_size=5), max_size=12))
def test_a_batch_with_space_is_stored_whole_and_one_without_is_not(batches: list[list[int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        spool = Spool(str(Path(folder) / "a.spool"), MEBIBYTE, WRITER, 1, [])
        for sizes in batches:
            batch = frames(sizes)
            fits = spool.fits(map(len, batch))
            assert all([spool.write(frame) for frame in batch]) is fits  # noqa: C419 - all of them are written
            if not fits:
                break
        spool.detach_after_fork()


@given(st.lists(st.integers(1, 250_000), min_size=1, max_size=8))
def test_a_batch_that_fits_an_empty_spool_is_stored_once_it_is_drained(sizes: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        spool = Spool(str(Path(folder) / "a.spool"), MEBIBYTE, WRITER, 1, [])
        batch = frames(sizes)
        if spool.fits(map(len, batch), once_drained=True):
            while spool.write(frames([50_000])[0]):
                continue
            position = 0
            while (batch_read := spool.read(spool.header.position, 1000)) != ([], spool.header.position):
                position = batch_read[1]
                spool.header.position = position
                spool.release(position)
            assert all(spool.write(frame) for frame in batch)
        spool.detach_after_fork()

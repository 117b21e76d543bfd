"""The spool and its drain: in any order of writes, drains and kills, written + dropped = offered, each row once."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from obs_core.capture.drain import recovery
from obs_core.capture.drain.drain import Drain
from obs_core.capture.drain.orphan import OrphanSpool
from obs_core.capture.spool.frames import HEAD, CallSite, encode_frame, encode_site, encode_value, parse
from obs_core.capture.spool.header import Header, WriterIdentity
from obs_core.capture.spool.numbering import number_to_read
from obs_core.capture.spool.spool import FIRST_SEGMENT, SMALLEST_SEGMENT, Spool
from obs_core.store import sqlite

KEY = encode_site(CallSite("value", "n", None, None, None))
WRITER = WriterIdentity(
    "feed", "prices", "host", None, None, "elsewhere", "trace.db"
)  # a pid of another namespace: counts as dead
BIG = 60_000  # four rows fill a segment
properties = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def row(number: int, size: int = 0) -> bytes:
    _, value = encode_value(f"{number}:{'x' * size}", None)
    return encode_frame((1, 0, 0, 0, 0, number, -1), value)


def number_of(text: str) -> int:
    return int(text.partition(":")[0])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "trace.db.d").mkdir()
    return tmp_path


def made(folder: Path, segments: int = 3) -> Spool:
    path = folder / "trace.db.d" / "1-a.spool"
    spool = Spool(str(path), segments * SMALLEST_SEGMENT, WRITER, 1, [KEY])
    spool.register_site(1, KEY)
    return spool


def closed(spool: Spool) -> None:
    spool.detach_after_fork()


def stored(folder: Path) -> list[int]:
    connection = sqlite.connect(folder / "trace.db")
    try:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        spool_file = connection.execute("SELECT data_value FROM data_trace WHERE kind = 'value' ORDER BY id")
        return [number_of(text) for (text,) in spool_file]
    finally:
        connection.close()


def recovered(folder: Path) -> int:
    return recovery.recover(str(folder / "trace.db.d"), folder / "trace.db")


@properties
@given(st.lists(st.one_of(st.integers(1, 9), st.sampled_from(["drain", "tidy"])), max_size=40))
def test_written_plus_dropped_is_offered_in_any_order_of_writes_and_drains(steps: list[int | str]) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "trace.db.d").mkdir()
        spool = made(folder)
        drain = Drain(spool, folder / "trace.db")
        offered, accepted = 0, []
        for step in [*steps, "drain"]:
            if step == "drain":
                while drain.step():
                    pass
            elif step == "tidy":
                spool.tidy(2)
            else:
                for _ in range(int(step)):
                    offered += 1
                    if spool.write(row(offered, BIG)):
                        accepted.append(offered)
        spool.tidy(2)
        assert spool.header.written == len(accepted)
        assert spool.header.written + spool.header.dropped == offered
        drain.close()
        closed(spool)
        if accepted:
            assert stored(folder) == accepted


def test_a_row_that_is_larger_than_a_segment_is_dropped_and_counted(folder: Path) -> None:
    spool = made(folder)
    assert not spool.write(row(1, SMALLEST_SEGMENT))
    assert spool.write(row(2))
    assert spool.count_drops() == 1
    assert Drain(spool, folder / "trace.db").step() == 1
    closed(spool)


def test_a_full_ring_drops_and_counts_new_rows_and_keeps_older_ones(folder: Path) -> None:
    spool = made(folder)
    accepted = [number for number in range(1, 101) if spool.write(row(number, BIG))]
    assert accepted == list(range(1, 13))
    assert spool.count_drops() == 88
    assert spool.count_drops() == 88
    closed(spool)
    assert recovered(folder) == 12
    assert stored(folder) == accepted


def test_a_late_write_into_a_sealed_spool_is_refused(folder: Path) -> None:
    spool = made(folder)
    late = spool.current_write()
    spool.write(row(1))
    spool.seal()
    with pytest.raises(ValueError, match="out of range"):
        late(row(2))
    closed(spool)


def test_a_spool_is_allocated_in_full_when_it_is_made(folder: Path) -> None:
    spool = made(folder)
    stat = Path(spool.path).stat()
    assert stat.st_blocks * 512 >= stat.st_size == FIRST_SEGMENT + 3 * SMALLEST_SEGMENT
    closed(spool)


@pytest.fixture
def cut(folder: Path) -> Iterator[Callable[[int], int]]:
    """Twelve rows in three segments; `cut(at)` restores the spool as it was after the first `at` bytes of frames."""
    spool = made(folder)
    sizes = [0, 1, 300, BIG, BIG, BIG, BIG, BIG, 5, BIG, 0, 0]
    for number, size in enumerate(sizes, 1):
        assert spool.write(row(number, size))
    path = Path(spool.path)
    closed(spool)
    whole = path.read_bytes()

    def restored(at: int) -> int:
        """Returns the number of complete rows."""
        data, count, written = bytearray(whole), 0, 0
        header = Header(memoryview(bytearray(whole)))  # type: ignore[arg-type]
        for segment in sorted(range(3), key=header.sequence):
            start = FIRST_SEGMENT + segment * SMALLEST_SEGMENT
            frames = whole[start : start + SMALLEST_SEGMENT]
            used = parse(frames, 0, 1000)[1] if header.sequence(segment) else 0
            left = max(0, min(used, at - written))
            data[start + left : start + SMALLEST_SEGMENT] = bytes(SMALLEST_SEGMENT - left)
            count += len(parse(bytes(data[start : start + left]), 0, 1000)[0])
            written += used
        path.write_bytes(data)
        return count

    yield restored
    path.unlink(missing_ok=True)


EDGES = [0, 1, HEAD.size - 1, HEAD.size, HEAD.size + 3, 80, 200, 1000, 130_000, 261_000, 262_000, 300_000, 10**6]


@pytest.mark.parametrize("at", EDGES)
def test_recovery_moves_the_complete_rows_at_every_cut_and_a_second_one_changes_nothing(
    folder: Path, cut: Callable[[int], int], at: int
) -> None:
    whole = cut(at)
    assert recovered(folder) == whole
    assert not (folder / "trace.db.d" / "1-a.spool").exists()
    assert recovered(folder) == 0
    assert whole == 0 or stored(folder) == list(range(1, whole + 1))


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    at=st.integers(0, 330_000),
    batches=st.lists(st.integers(1, 4), max_size=4),
    forgets=st.lists(st.booleans(), min_size=4, max_size=4),
)
def test_a_recovery_that_is_killed_between_two_batches_resumes_at_the_position_of_the_log(
    folder: Path, cut: Callable[[int], int], at: int, batches: list[int], forgets: list[bool]
) -> None:
    for name in ("trace.db", "trace.db-wal", "trace.db-shm"):
        (folder / name).unlink(missing_ok=True)
    whole = cut(at)
    path = folder / "trace.db.d" / "1-a.spool"
    for limit, forget in zip(batches, forgets, strict=False):
        spool_file = OrphanSpool(path)
        spool_file.number_orphan_segments()
        before = bytes(spool_file.memory[:512])
        drain = Drain(spool_file, folder / "trace.db", batch=limit)
        drain.step()
        if forget:  # killed after its commit, before the update of the spool's header
            spool_file.memory[:512] = before
        drain.close()
        spool_file.close()
    recovered(folder)
    assert whole == 0 or stored(folder) == list(range(1, whole + 1))
    assert not path.exists()


def test_a_damaged_frame_loses_only_the_rest_of_its_segment(folder: Path) -> None:
    spool = made(folder)
    for number in range(1, 9):
        spool.write(row(number, BIG))
    path = Path(spool.path)
    closed(spool)
    data = bytearray(path.read_bytes())
    data[FIRST_SEGMENT + 2 * len(row(1, BIG)) + 500] ^= 1  # in row 3; the order of the segments may vary
    spool_file = Header(memoryview(data))  # type: ignore[arg-type]
    sequence = spool_file.sequence(0)
    path.write_bytes(data)
    recovered(folder)
    lost = {1: [3, 4], 2: [7, 8], 0: []}[sequence]
    assert stored(folder) == [number for number in range(1, 9) if number not in lost]


def test_a_file_that_is_not_a_spool_keeps_its_content(folder: Path) -> None:
    stranger = folder / "trace.db.d" / "2-b.spool"
    stranger.write_bytes(b"something else")
    (folder / "trace.db.d" / "3-c.spool").write_bytes(b"")
    assert recovered(folder) == 0
    assert stranger.with_name("2-b.spool.bad").read_bytes() == b"something else"
    assert (folder / "trace.db.d" / "3-c.spool").exists()  # may be one that a process is making
    shutil.rmtree(folder / "trace.db.d")
    assert recovered(folder) == 0


class HandlerError(Exception):
    """What a signal handler raises between two instructions of the thread that it interrupts."""


def rotate_interrupted(spool: Spool, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """Let the next rotation of `spool` end where a signal handler raises: after the number is taken, or later."""
    with monkeypatch.context() as patch:
        if where == "number taken":
            numbers = spool._numbering._numbers

            def taken_and_lost() -> Iterator[int]:
                next(numbers)
                raise HandlerError
                yield 0

            patch.setattr(spool._numbering, "_numbers", taken_and_lost())
        elif where == "number not in the header":
            patch.setattr(spool.header, "set_sequence", failing)
        else:
            patch.setattr(spool, "_seal", failing)
        with pytest.raises(HandlerError):
            spool._rotate()


def failing(*_: object) -> None:
    raise HandlerError


@pytest.mark.parametrize("reader", ["its own drain", "another process", "recovery"])
@pytest.mark.parametrize("where", ["number taken", "number not in the header", "nothing sealed"])
def test_rows_after_a_rotation_that_a_signal_handler_interrupted_are_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch, where: str, reader: str
) -> None:
    """The drain waited for a segment that does not exist: rows were dropped, and the program ended after OBS_EXIT_S."""
    spool = made(folder, segments=8)
    spool.write(row(1))
    rotate_interrupted(spool, monkeypatch, where)
    written = [1, *(number for number in range(2, 12) if spool.write(row(number, BIG)))]
    assert len(written) == 11
    if reader == "its own drain":
        drain = Drain(spool, folder / "trace.db")
        while drain.step():
            pass
        drain.close()
    elif reader == "another process":
        spool.tidy(2)
        orphan = OrphanSpool(spool_path(folder))
        drain = Drain(orphan, folder / "trace.db")
        while drain.step():
            pass
        drain.close()
        orphan.close()
    closed(spool)
    if reader == "recovery":
        assert recovered(folder) == 11
    assert stored(folder) == written


def test_a_thread_whose_number_was_skipped_takes_another(folder: Path) -> None:
    spool = made(folder)
    late = spool._free.pop() if spool._free else spool._cold.pop()
    number = next(spool._numbering._numbers)  # a thread stops here
    assert spool._rotate()
    assert spool.write(row(1))
    assert spool.read(number * SMALLEST_SEGMENT, 9) == ([], (number + 1) * SMALLEST_SEGMENT)
    late.sequence = number  # and continues here
    spool._numbering.give(late)
    assert late.sequence > spool.current.sequence
    closed(spool)


def test_a_slow_thread_that_wrote_its_number_before_later_ones_were_skipped_loses_no_row(folder: Path) -> None:
    """A drain in another process knows the numbers of the header only, which the thread had not reached."""
    spool = made(folder, segments=4)
    slow = spool._free.pop() if spool._free else spool._cold.pop()
    slow.sequence = next(spool._numbering._numbers)  # a thread stops here
    assert spool._rotate()
    spool._numbering.skip_missing(spool.current.sequence)
    orphan = OrphanSpool(spool_path(folder))
    drain = Drain(orphan, folder / "trace.db")
    assert drain.step() == 0
    spool._numbering.give(slow)  # and continues here
    spool.current = slow
    assert spool.write(row(1))
    assert drain.step() == 1
    drain.close()
    orphan.close()
    closed(spool)
    assert stored(folder) == [1]


NEXT = """
at  segments  skipped  next
2   3         2        3
2   3         1        2
2   4         2        3
2   4         3        4
2   2,3       3        2
4   3         3        4
2   -         5        6
"""


@pytest.mark.parametrize("line", NEXT.strip().splitlines()[1:])
def test_the_next_number_to_read_is_the_first_that_a_segment_has_or_may_get(line: str) -> None:
    at, segments, skipped, expected = line.split()
    numbers = [int(number) for number in segments.split(",") if number != "-"]
    assert number_to_read(int(at), numbers, int(skipped)) == int(expected)


def spool_path(folder: Path) -> Path:
    (path,) = (folder / "trace.db.d").glob("*.spool")
    return path

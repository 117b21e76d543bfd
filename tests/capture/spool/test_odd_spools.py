"""An odd file among the spools: it is set aside with a sentence, and every other spool is recovered.

OBS_FUZZ_S sets for how many seconds the bytes of spools are changed at random; by default two.
"""

import os
import random
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from obs_core.capture.drain import recovery, writer_status
from obs_core.capture.spool.frames import CallSite, encode_frame, encode_site, encode_value
from obs_core.capture.spool.header import WriterIdentity
from obs_core.capture.spool.spool import FIRST_SEGMENT, SMALLEST_SEGMENT, Spool
from obs_core.cli.main import main
from obs_core.store import sqlite

ROOT = Path(__file__).parents[3]
FUZZ_S = float(os.environ.get("OBS_FUZZ_S", "2"))
KEY = encode_site(CallSite("value", "n", None, None, None))
GOOD_ROWS = 50
Change = Callable[[bytearray], bytes | bytearray]


def write_spool(path: Path, numbers: range, process: str = "feed", size: int = 0) -> None:
    """The spool of a dead process with the values `numbers`."""
    writer = WriterIdentity(process, "prices", "host", None, None, "elsewhere", "trace.db")
    spool = Spool(str(path), 3 * SMALLEST_SEGMENT, writer, 1, [KEY])
    spool.register_site(1, KEY)
    for number in numbers:
        _, value = encode_value(f"{number}:{'x' * size}", None)
        assert spool.write(encode_frame((1, 0, 0, 0, 0, number, -1), value))
    spool.detach_after_fork()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a log, with the spool of a dead process that comes last."""
    folder = tmp_path / "trace.db.d"
    folder.mkdir()
    write_spool(folder / "9-good.spool", range(1000, 1000 + GOOD_ROWS))
    return folder


def stored(folder: Path) -> list[int]:
    connection = sqlite.connect(folder.with_suffix(""))
    try:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        texts = connection.execute("SELECT data_value FROM data_trace WHERE kind = 'value' ORDER BY id").fetchall()
        return [int(text.partition(":")[0]) for (text,) in texts]
    finally:
        connection.close()


def recovered(folder: Path) -> list[str]:
    said: list[str] = []
    recovery.recover(str(folder), folder.with_suffix(""), report=said.append)
    return said


def put(at: int, form: str, *values: int) -> Change:
    def change(data: bytearray) -> bytearray:
        struct.pack_into(form, data, at, *values)
        return data

    return change


CHANGES: dict[str, Change] = {
    "cut in the header": lambda data: data[:10_000],
    "cut in the sites": lambda data: data[:200_000],
    "cut in a segment": lambda data: data[: FIRST_SEGMENT + 2000],
    "another kind of file": lambda data: b"something else" + data[14:],
    "writer is noise": lambda data: data[:2050] + b"\xff" * 100 + data[2150:],
    "writer of a gigabyte": lambda data: data[:2050] + b"(\xff\xff\xff\x7f" + data[2055:],
    "writer has a long text": lambda data: data[:2055] + b"u\xff\xff\xff\x7f" + data[2060:],
    "no segment size": put(24, "<q", 0),
    "negative segment size": put(24, "<q", -5),
    "odd segment size": put(24, "<q", 5000),
    "a billion segments": put(16, "<q", 10**9),
    "huge position": put(56, "<q", 1 << 62),
    "negative position": put(56, "<q", -1),
    "position inside a frame": put(56, "<q", SMALLEST_SEGMENT + 100),
    "same sequence twice": put(8192, "<qqq", 7, 7, 7),
    "huge sequence": put(8192, "<q", (1 << 63) - 1),
    "negative sequence": put(8192, "<q", -2),
    "negative pid": put(32, "<q", -1),
    "heartbeat of the far future": put(120, "<q", (1 << 63) - 1),
    "frame of 4 GB": put(FIRST_SEGMENT, "<I", 0xFFFFFFFF),
    "noise in a segment": lambda data: data[: FIRST_SEGMENT + 500] + b"\xa5" * 4096 + data[FIRST_SEGMENT + 4596 :],
    "noise in the header": lambda data: data[:128] + random.Random(2).randbytes(380) + data[508:],  # noqa: S311 - not security
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_damaged_spool_keeps_no_other_one_from_the_log(folder: Path, change: str) -> None:
    path = folder / "0-bad.spool"
    write_spool(path, range(10))
    path.write_bytes(CHANGES[change](bytearray(path.read_bytes())))
    writer_status.writers(folder.with_suffix(""))
    said = recovered(folder)
    rows = stored(folder)
    assert rows[-GOOD_ROWS:] == list(range(1000, 1000 + GOOD_ROWS))
    assert len(rows) == len(set(rows))
    left = [file.name for file in folder.iterdir()]
    assert left in ([], ["0-bad.spool.bad"])
    assert len(said) == len(left)
    if not left or "position" in change or "sequence" in change:  # the frames themselves are whole
        assert rows[:10] == list(range(10))
    assert recovered(folder) == []


def test_a_spool_that_is_cut_short_gives_its_first_rows_and_says_so(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / "0-bad.spool"
    write_spool(path, range(10), size=1000)
    os.truncate(path, FIRST_SEGMENT + 5000)
    assert main(["drain", "--log", str(folder.with_suffix(""))]) == 1
    assert "0-bad.spool was cut short: 4 rows were moved, others may be lost." in capsys.readouterr().out
    assert stored(folder)[:4] == [0, 1, 2, 3]
    (bad,) = writer_status.writers(folder.with_suffix(""))
    assert (bad.process, bad.state, bad.queue) == ("0-bad.spool.bad", "GONE", 0)
    assert "set aside" in bad.last_error
    assert main(["drain", "--log", str(folder.with_suffix(""))]) == 0


def sparse(path: Path) -> None:
    """A file of a terabyte that uses one block."""
    path.write_bytes(b"OBSSPOOL")
    os.truncate(path, 1 << 40)


def test_the_status_of_writers_answers_with_the_good_spools(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_spool(folder / "8-bad.spool", range(10))
    os.truncate(folder / "8-bad.spool", 10_000)
    (folder / "7-bad.spool").mkdir()
    sqlite.connect(folder.with_suffix(""), write=True, create=True).close()
    assert main(["ask", "writers.status", "--log", str(folder.with_suffix("")), "--format", "csv"]) == 0
    answer = capsys.readouterr().out
    assert "feed" in answer
    assert "7-bad.spool can't be read: it is a link or no regular file." in answer


PLANTED: dict[str, Callable[[Path], object]] = {
    "fifo": os.mkfifo,
    "link": lambda path: path.symlink_to("/dev/zero"),
    "link to a spool": lambda path: path.symlink_to("9-good.spool"),
    "link to nothing": lambda path: path.symlink_to("nothing"),
    "folder": lambda path: (path / "inside").mkdir(parents=True),
    "socket": lambda path: socket.socket(socket.AF_UNIX).bind(str(path)),
    "sparse": sparse,
    "name": lambda path: Path(os.fsdecode(os.fsencode(path) + b"\xe9.spool")).write_bytes(b"odd"),
}


@pytest.mark.parametrize("planted", PLANTED)
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_what_is_no_file_is_set_aside_and_never_followed(
    folder: Path, planted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)  # the path of a socket is short
    PLANTED[planted](Path("0.spool"))
    statuses = writer_status.writers(folder.with_suffix(""))
    assert [status.queue for status in statuses if status.process == "feed"] == [GOOD_ROWS]
    (said,) = recovered(folder)
    assert "set aside as 0.spool" in said
    assert stored(folder) == list(range(1000, 1000 + GOOD_ROWS))
    (left,) = folder.iterdir()
    assert left.name.endswith(".spool.bad")


def test_a_script_with_a_latin_1_name_is_traced_and_recovered(tmp_path: Path) -> None:
    log = tmp_path / "trace.db"
    script = os.fsencode(tmp_path) + b"/pr\xe9.py"
    code = b"import os, obs_core\n@obs_core.trace\ndef f(i): return i\nfor i in range(5): f(i)\n"
    for end in (b"", b"os._exit(0)\n"):
        Path(os.fsdecode(script)).write_bytes(code + end)
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OBS_LOG": str(log)}
        done = subprocess.run([os.fsencode(sys.executable), script], env=environment, capture_output=True, check=True)
        assert done.stderr == b""
    assert recovered(log.with_name("trace.db.d")) == []
    connection = sqlite.connect(log)
    try:
        rows = connection.execute("SELECT process, data_value, code_id FROM data_trace ORDER BY id").fetchall()
        (file,) = connection.execute("SELECT DISTINCT file FROM code").fetchone()
    finally:
        connection.close()
    assert [value for _, value, _ in rows] == [str(number) for number in range(5)] * 2
    assert {process for process, _, _ in rows} == {"pr\\udce9"}
    assert all(code for _, _, code in rows)
    assert file.endswith("pr\\udce9.py")


def mutated(data: bytes, chance: random.Random) -> bytes:
    """`data` with some bytes changed, mostly in the header and the first frames, or cut short."""
    changed = bytearray(data)
    for _ in range(chance.choice([1, 3, 30])):
        first, end = chance.choice([(0, 256), (2048, 2200), (8192, 8256), (16_384, 16_600), (FIRST_SEGMENT, len(data))])
        at = chance.randrange(first, end)
        changed[at] = chance.choice([0, 1, 0x7F, 0xFF, chance.randrange(256)])
    return bytes(changed[: chance.randrange(len(data))] if chance.random() < 0.2 else changed)


def first_damage(before: bytes, after: bytes, ends: list[int]) -> int:
    """The number of frames before the first changed byte of the frames."""
    frames = after[FIRST_SEGMENT:].ljust(len(before) - FIRST_SEGMENT, b"\0")
    at = next(
        (at for at, pair in enumerate(zip(before[FIRST_SEGMENT:], frames, strict=True)) if pair[0] != pair[1]), None
    )
    return sum(end <= at for end in ends) if at is not None else len(ends)


def test_random_damage_never_stops_recovery_or_loses_a_good_row_before_it(tmp_path: Path) -> None:
    seed, deadline = 0, time.monotonic() + FUZZ_S
    source = tmp_path / "whole.spool"
    write_spool(source, range(20), size=100)
    whole = source.read_bytes()
    sizes = [len(encode_frame((1, 0, 0, 0, 0, n, -1), encode_value(f"{n}:{'x' * 100}", None)[1])) for n in range(20)]
    ends = [sum(sizes[: n + 1]) for n in range(20)]
    while time.monotonic() < deadline:
        seed += 1
        folder = tmp_path / f"{seed}.db.d"
        folder.mkdir()
        data = mutated(whole, random.Random(seed))  # noqa: S311 - not security
        (folder / "0-bad.spool").write_bytes(data)
        write_spool(folder / "9-good.spool", range(1000, 1003))
        writer_status.writers(folder.with_suffix(""))
        recovered(folder)
        rows = stored(folder)
        assert rows[-3:] == [1000, 1001, 1002], seed
        left = [file.name for file in folder.iterdir()]
        assert set(left) <= {"0-bad.spool.bad", "0-bad.spool"}, seed
        header_is_whole = data[:FIRST_SEGMENT] == whole[:FIRST_SEGMENT]
        if header_is_whole:
            good = first_damage(whole, data, ends)
            assert rows[:good] == list(range(good)), seed

"""Changes good spools, logs, requests and files at random, for a given time: `python -m tests.hostile.fuzz --help`.

Each case follows from the seed and its number alone: `--seed S --only N TARGET` runs the case that failed again. A case
fails with any error that is not the product's own, and if a good row next to the odd ones is lost.
"""

import argparse
import gzip
import io
import random
import sqlite3
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing, redirect_stderr, suppress
from pathlib import Path
from typing import Any, Final

from obs_core.capture.drain import recovery, writer_status
from obs_core.capture.spool.frames import CallSite, encode_frame, encode_site, encode_value
from obs_core.capture.spool.header import WriterIdentity
from obs_core.capture.spool.spool import SMALLEST_SEGMENT, Spool
from obs_core.errors import ObsError
from obs_core.export.export_format import DEFAULTS
from obs_core.export.registry import FORMATS
from obs_core.ingest.files import import_file
from obs_core.ingest.receiver import decoding, responses
from obs_core.ingest.receiver.limits import Limits
from obs_core.ingest.receiver.responses import Refusal
from obs_core.query import export
from obs_core.query.engine.engine import Engine
from obs_core.query.questions import facets, overview, traces
from obs_core.settings import from_environment
from obs_core.store import log
from tests.hostile import logs
from tests.support.data import trace_file, trace_files

Case = Callable[[random.Random, Path], None]
KEY: Final = encode_site(CallSite("value", "n", None, None, None))
GOOD_ROWS: Final = 20
TRACES: Final = Path(__file__).parents[1] / "data" / "traces"
SOURCES: Final = ("zipkin", "ddtrace", "otlp-spec")
CELLS: Final[tuple[Any, ...]] = (None, 0, -1, 2**63 - 1, -(2**63), 1.5, float("inf"), b"", b"\xff\0", "", *logs.TEXTS)


def spools(chance: random.Random, folder: Path) -> None:
    """A changed spool next to a good one: the good one's rows are all in the log afterwards."""
    spool_folder = folder / "trace.db.d"
    spool_folder.mkdir()
    for name in ("0-odd", "9-good"):
        writer = WriterIdentity("p", "g", "host", None, None, "elsewhere", "trace.db")
        spool = Spool(str(spool_folder / f"{name}.spool"), 3 * SMALLEST_SEGMENT, writer, 1, [KEY])
        spool.register_site(1, KEY)
        for number in range(GOOD_ROWS):
            _, value = encode_value(f"{name}{number}", None)
            spool.write(encode_frame((1, 0, 0, 0, 0, number, -1), value))
        spool.detach_after_fork()
    odd = spool_folder / "0-odd.spool"
    odd.write_bytes(changed(chance, odd.read_bytes(), near=chance.choice((4_096, 1 << 17, 1 << 30))))
    recovery.recover(str(spool_folder), folder / "trace.db")
    writer_status.writers(folder / "trace.db")
    with closing(sqlite3.connect(folder / "trace.db")) as written:
        good = "SELECT count(*) FROM data_trace WHERE data_value LIKE '9-good%'"
        (stored,) = written.execute(good).fetchone()
    assert stored == GOOD_ROWS, f"{stored} of {GOOD_ROWS} rows of the good spool are in the log"


def foreign_logs(chance: random.Random, folder: Path) -> None:
    """A table of odd cells in random columns, asked and exported."""
    path = folder / "trace.db"
    further = ("trace_id", "span_id", "parent_span_id", "kind", "duration_ms", "attributes", "group", "function", "id")
    names = [*logs.CANONICAL, *chance.sample(further, chance.randrange(len(further)))]
    count = chance.randrange(1, 40)
    rows = [tuple(chance.choice(CELLS) for _ in names) for _ in range(count)]
    with closing(sqlite3.connect(path)) as written, written:
        written.execute(f"CREATE TABLE data_trace ({', '.join(f'{chr(34)}{name}{chr(34)}' for name in names)})")
        written.executemany(f"INSERT INTO data_trace VALUES ({', '.join('?' * len(names))})", rows)
    with Engine(path) as engine:
        window = engine.extent() or export.ALWAYS
        traces.page(engine, window, sort=chance.choice(("time", "-duration", "status", "process")))
        for number in range(1, 4):
            traces.row(engine, window, id=number)
        traces.tree(engine, window, trace_id=str(chance.choice(CELLS))[:50].replace("\0", ""))
        facets.facets(engine, window)
        overview.recent_errors(engine, window)
        overview.exceptions(engine, window)
        exported = [row for piece in export.pieces(engine, export.ALWAYS) for row in piece]
        for export_format in FORMATS.values():
            b"".join(export_format.write(exported, DEFAULTS))


def requests(chance: random.Random, _: Path) -> None:
    """A changed request of a real program: rows, refused parts, or a refusal as a whole."""
    limits = Limits.of(from_environment({}))
    if chance.random() < 0.5:
        body, content_type = chance.choice(trace_files("otel-demo", "otlp_pb")[:8]).read_bytes(), responses.PROTOBUF
    else:
        body, content_type = trace_file("otlp-spec", "trace.json").read_bytes(), responses.JSON
    encoding = chance.choice(("", "gzip"))
    sent = changed(chance, gzip.compress(body, 1) if encoding and chance.random() < 0.3 else body)
    if encoding and not sent.startswith(b"\x1f\x8b"):
        sent = gzip.compress(sent, 1)
    with suppress(Refusal):
        plain = decoding.unpacked(bytearray(sent), encoding, limits)
        list(decoding.parts(chance.choice(list(decoding.SIGNALS)), content_type, plain, (), limits))


def files(chance: random.Random, folder: Path) -> None:
    """A changed trace file: its rows are stored as a whole, or not at all."""
    source = chance.choice([file for name in SOURCES for file in sorted((TRACES / name).iterdir()) if file.is_file()])
    content = source.read_bytes()
    if source.suffix == ".gz" and chance.random() < 0.8:
        content = gzip.decompress(content)
    file = folder / f"odd{chance.choice(('.json', '.gz', '.csv', '.zip', '', '.jsonl'))}"
    file.write_bytes(changed(chance, content))
    connection = log.open_log(folder / "trace.db")
    try:
        stored = 0
        with suppress(ObsError):
            stored = import_file(connection, file, now=0).stored
        (rows,) = connection.execute("SELECT count(*) FROM data_trace").fetchone()
        assert rows == stored, f"{rows} rows in the log, {stored} reported"
    finally:
        connection.close()


TARGETS: Final[dict[str, Case]] = {"spools": spools, "logs": foreign_logs, "requests": requests, "files": files}


def changed(chance: random.Random, good: bytes, near: int = 1 << 30) -> bytes:
    """`good` with one to six changes in its first `near` bytes: bits flipped, parts cut, repeated or inserted."""
    data = bytearray(good)
    for _ in range(chance.randrange(1, 7)):
        at = chance.randrange(max(1, min(len(data), near)))
        size = chance.choice((1, 2, 8, 100, 5_000))
        change = chance.choice(("flip", "set", "cut", "repeat", "insert", "end"))
        if change == "flip" and data:
            data[at] ^= 1 << chance.randrange(8)
        elif change == "set":
            data[at : at + 8] = chance.choice((0, 1, 2**31, 2**63 - 1, 2**64 - 1)).to_bytes(8, "little")
        elif change == "cut":
            del data[at : at + size]
        elif change == "repeat":
            data[at:at] = data[at : at + size] * chance.randrange(1, 4)
        elif change == "insert":
            data[at:at] = chance.randbytes(min(size, 100))
        elif chance.random() < 0.3:
            del data[at:]
    return bytes(data)


def run_case(target: str, seed: int, number: int) -> str:
    """Run one case in a folder of its own; return the traceback if it failed."""
    chance = random.Random(f"{seed}:{target}:{number}")  # noqa: S311 - cases, not secrets
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, redirect_stderr(io.StringIO()):
        try:
            TARGETS[target](chance, Path(folder))
        except ObsError:
            return ""
        except Exception:  # noqa: BLE001 - what the run looks for
            return traceback.format_exc()
    return ""


def cases(target: str, seed: int, seconds: float) -> Iterator[tuple[int, str]]:
    """The numbers of the cases that fit into the time, each with its failure."""
    end, number = time.monotonic() + seconds, 0
    while number == 0 or time.monotonic() < end:
        yield number, run_case(target, seed, number)
        number += 1


def main(arguments: list[str] | None = None) -> int:
    """Run the targets; return 1 after the first case that fails."""
    parser = argparse.ArgumentParser(description="Change good data at random, and look for errors nobody expected.")
    parser.add_argument("--seconds", type=float, default=60.0, help="time for all targets together (60)")
    parser.add_argument("--seed", type=int, default=0, help="of the changes (0)")
    parser.add_argument("--only", type=int, metavar="N", help="run this case alone")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"{', '.join(TARGETS)} (all)")
    given = parser.parse_args(arguments)
    if unknown := set(given.targets) - TARGETS.keys():
        parser.error(f"unknown targets: {', '.join(sorted(unknown))}")
    names = given.targets or list(TARGETS)
    for target in names:
        run = (
            cases(target, given.seed, given.seconds / len(names))
            if given.only is None
            else iter([(given.only, run_case(target, given.seed, given.only))])
        )
        count = 0
        for number, failure in run:
            count += 1
            if failure:
                again = f"python -m tests.hostile.fuzz --seed {given.seed} --only {number} {target}"
                print(f"{failure}\n{target}: case {number} failed. Again: {again}")
                return 1
        print(f"{target}: {count:,} cases, seed {given.seed}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

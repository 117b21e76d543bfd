"""What importing costs: `python -m benchmarks.ingest [COPIES]` (by default 20 of trainticket's 4,445 spans).

The recording is multiplied under fresh trace ids and imported into an empty log, as OTLP JSON and as protobuf.
Figures are spans per second of one core (processor time of this process), the best of `RUNS` runs, next to the floors
of the same run: parsing alone, and a bare executemany of rows that are ready.
"""

import gzip
import hashlib
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from obs_core.export import csv, jaeger, otlp
from obs_core.ingest.files import import_file
from obs_core.ingest.formats.protobuf import messages
from obs_core.model import Row
from obs_core.query import export
from obs_core.query.engine.engine import Engine
from obs_core.store import log, sqlite

RUNS = 3
RECORDING = Path(__file__).parents[1] / "tests" / "data" / "traces" / "trainticket-1min"


def recorded(folder: str) -> list[bytes]:
    """The recording's batches in one form."""
    return [gzip.decompress(file.read_bytes()) for file in sorted((RECORDING / folder).glob("*.gz"))]


def trace_ids() -> list[str]:
    """The trace ids of the recording."""
    result = set()
    for body in recorded("otlp_json"):
        for outer in json.loads(body)["resourceSpans"]:
            result |= {span["traceId"] for scope in outer["scopeSpans"] for span in scope["spans"]}
    return sorted(result)


def copies(folder: str, count: int, form: Callable[[str], bytes]) -> Iterator[bytes]:
    """The batches `count` times, each time under other trace ids; `form` encodes an id as in them."""
    ids = trace_ids()
    for number in range(count):
        for body in recorded(folder):
            for old in ids:
                body = body.replace(form(old), form(hashlib.md5(f"{number} {old}".encode()).hexdigest()))  # noqa: PLW2901, S324 - not for secrecy
            yield body


def best_s(run: Callable[[], object]) -> float:
    """The least processor time of `run`."""
    times = []
    for _ in range(RUNS):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return min(times)


def imported(files: list[Path], folder: Path) -> int:
    """Import `files` into an empty log; how many rows it has then."""
    path = folder / f"{time.monotonic_ns()}.db"
    connection = log.open_log(path)
    stored = sum(import_file(connection, file, now=0).stored for file in files)
    connection.close()
    return stored


def appended(rows: list[Row], folder: Path) -> None:
    """The floor: rows that are ready, in one executemany."""
    connection = log.open_log(folder / f"{time.monotonic_ns()}.db")
    with sqlite.transaction(connection):
        log.append(connection, rows)
    connection.close()


def rows_of(path: Path) -> Iterator[Row]:
    """All rows of a log, as exports read them."""
    with Engine(path) as engine:
        for piece in export.pieces(engine, export.ALWAYS):
            yield from piece


def main() -> None:
    """Print the figures."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines, frames = folder / "spans.jsonl", folder / "spans.pb"
        lines.write_bytes(b"\n".join(copies("otlp_json", count, str.encode)))
        bodies = list(copies("otlp_pb", count, bytes.fromhex))
        frames.write_bytes(b"".join(len(body).to_bytes(4, "big") + body for body in bodies))
        texts = lines.read_bytes().splitlines()
        spans = imported([lines], folder)

        def report(what: str, seconds: float) -> None:
            print(f"{what:42} {spans / seconds:>10,.0f} spans/s")

        print(f"{spans:,} spans, {lines.stat().st_size >> 20} MB as JSON, {frames.stat().st_size >> 20} MB as protobuf")
        report("import OTLP JSON lines", best_s(lambda: imported([lines], folder)))
        report("  floor: json.loads", best_s(lambda: [json.loads(text) for text in texts]))
        report("import OTLP protobuf", best_s(lambda: imported([frames], folder)))
        report("  floor: ParseFromString", best_s(lambda: [messages.parse("traces", body) for body in bodies]))
        path = next(folder.glob("*.db"))
        rows = list(rows_of(path))
        report("  floor: executemany of ready rows", best_s(lambda: appended(rows, folder)))
        report("read for an export", best_s(lambda: sum(1 for _ in rows_of(path))))
        report("export CSV", best_s(lambda: sum(1 for _ in csv.lines(rows_of(path)))))
        report("export OTLP", best_s(lambda: sum(1 for _ in otlp.lines(rows_of(path)))))
        report("export Jaeger", best_s(lambda: sum(1 for _ in jaeger.chunks(rows_of(path)))))


if __name__ == "__main__":
    main()

"""What forwarding costs: `python -m benchmarks.forward [COPIES]` (by default 10 of trainticket's 4,445 spans).

A forwarder in a process of its own sends the spans to a server that accepts everything and keeps nothing. Figures are
processor time per row, the best of `RUNS` turns: of the forwarder without its start, and of the export of the same rows
to a file, as OTLP JSON and gzip. The rows per second are those of the clock, on a machine that does other things too.
"""

import gzip
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from benchmarks.ingest import copies
from obs_core.export import otlp
from obs_core.export.export_format import joined
from obs_core.forward import positions
from obs_core.ingest.files import import_file
from obs_core.query import export
from obs_core.query.engine.engine import Engine
from obs_core.store import log

RUNS = 3
LEVEL = 1  # of gzip, as the forwarder uses it


class Accepting(BaseHTTPRequestHandler):
    """Accepts every request."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        """Read the body, and answer 200."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@contextmanager
def accepting() -> Iterator[str]:
    """A server that accepts everything, and its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Accepting) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def forwarded(path: Path, address: str, start: str) -> tuple[float, float]:
    """Forward the log from `start`; the seconds of the forwarder's processor time, and of the clock."""
    positions.path_of(path).unlink(missing_ok=True)
    environment = {**os.environ, "OBS_FORWARD": address, "OBS_FORWARD_FROM": start}
    before, began = _children_s(), time.perf_counter()
    command = [sys.executable, "-m", "obs_core", "forward", "--once", "--log", str(path)]
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return _children_s() - before, time.perf_counter() - began


def exported(path: Path, *, packed: bool) -> float:
    """The processor time of the export of all rows to a file, in seconds."""
    start = time.process_time()
    with Engine(path) as engine, (path.parent / "export").open("wb") as file:
        rows = (row for piece in export.pieces(engine, export.ALWAYS) for row in piece)
        for part in joined(otlp.lines(rows)):
            file.write(gzip.compress(part, LEVEL) if packed else part)
    return time.process_time() - start


def _children_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Print the figures."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    with tempfile.TemporaryDirectory() as name, accepting() as address:
        path = Path(name) / "trace.db"
        for number, body in enumerate(copies("otlp_json", count, lambda trace_id: trace_id.encode())):
            (Path(name) / f"{number}.json").write_bytes(body)
        connection = log.open_log(path)
        rows = sum(import_file(connection, file, now=0).stored for file in sorted(Path(name).glob("*.json")))
        connection.close()
        figures: dict[str, list[float]] = {}
        for _ in range(RUNS):
            nothing, _ = forwarded(path, address, "newest")
            everything, clock_s = forwarded(path, address, "start")
            figures.setdefault("forwarder", []).append(everything - nothing)
            figures.setdefault("clock", []).append(clock_s)
            figures.setdefault("export", []).append(exported(path, packed=False))
            figures.setdefault("packed", []).append(exported(path, packed=True))
        best = {figure: min(times) for figure, times in figures.items()}
    print(f"{rows:,} spans")
    print(f"forwarded: {best['forwarder'] / rows * 1e6:,.1f} us of processor time per span (less is better)")
    print(f"exported to a file: {best['export'] / rows * 1e6:,.1f} us")
    print(f"exported with gzip: {best['packed'] / rows * 1e6:,.1f} us")
    print(f"forwarded / exported with gzip: {best['forwarder'] / best['packed']:.2f} (less is better)")
    print(f"forwarded: {rows / best['clock']:,.0f} spans per second of the clock, with the start of the process")


if __name__ == "__main__":
    main()

"""`python -m obs_core export`: rows of the log become a file that other programs, and `import`, read."""

import argparse
import gzip
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import IO, Final, cast

from obs_core import settings
from obs_core.cli.ask import moment_of
from obs_core.clock import Window, now_ns
from obs_core.errors import BadParameter
from obs_core.export import csv, jaeger, otlp
from obs_core.model import Row
from obs_core.query import export
from obs_core.query.engine.engine import Engine
from obs_core.query.filters.row_filter import Wanted

FORMATS: Final = ("otlp", "jaeger", "csv")
_FILTERS: Final = {
    "group": "only rows of this process group",
    "process": "only rows of this process",
    "status": "only rows of status OK, ERROR or UNSET",
    "kind": "only call, value or log",
    "search": "only rows that hold this text in process, data, value or exception, whatever its case",
    "function": "only rows of this function",
    "data_type": "only rows of this data type",
    "exception_type": "only rows whose exception is of this type",
    "where": "only rows whose attributes fit, such as: http.status_code >= 500",
}
_BOUNDS: Final = {"min_ms": "only calls that took at least so long", "max_ms": "only calls that took no longer"}
_TOLD: Final = 1 << 16  # characters that are written at once


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument("--log", type=Path, help="the trace log (default: OBS_LOG)")
    parser.add_argument("--format", choices=FORMATS, required=True, help="OTLP JSON lines, Jaeger JSON or CSV")
    parser.add_argument(
        "--output", type=Path, default=Path("-"), metavar="FILE", help="default: - (standard output); .gz packs it"
    )
    moments = "now, now-1h, last (just after the log's last row), last-1h, epoch milliseconds or ISO 8601"
    parser.add_argument("--from", dest="start", metavar="T", help=f"the window's begin (default: all): {moments}")
    parser.add_argument("--to", dest="end", metavar="T", help="the window's end, which is not in it (default: all)")
    for name, what in _FILTERS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", help=what)
    for name, what in _BOUNDS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, metavar="MS", help=what)
    parser.add_argument("--errors", action="store_true", help="only rows of status ERROR")
    parser.add_argument(
        "--raw", action="store_true", help="CSV: leave cells that a spreadsheet would run as formulas as they are"
    )


def run(options: argparse.Namespace) -> int:
    """Write the rows that fit; the file appears under its name when it is whole."""
    log = options.log or settings.from_environment().log
    if options.raw and options.format != "csv":
        raise BadParameter("--raw belongs to --format csv.", "Leave it out.")
    with Engine(log, row_cap=None) as engine:
        chosen = {name: getattr(options, name) for name in (*_FILTERS, *_BOUNDS, "errors")}
        pieces = export.pieces(engine, _window(engine, options), **cast("Wanted", chosen))
        count = _Count()
        rows = count.counted(chain.from_iterable(pieces))
        with _target(options.output) as stream:
            for text in _gathered(_text(options, rows, count)):
                stream.write(text.encode())
    left_out = f", {count.left_out:,} left out: they belong to no call that is exported" if count.left_out else ""
    print(f"{count.rows - count.left_out:,} rows exported{left_out}", file=sys.stderr)
    return 0


class _Count:
    """How many rows there were, and how many the format had to leave out."""

    def __init__(self) -> None:
        self.rows = self.left_out = 0

    def counted(self, rows: Iterator[Row]) -> Iterator[Row]:
        """The rows, counted as they pass."""
        for row in rows:
            self.rows += 1
            yield row

    def leave_out(self, rows: int) -> None:
        """Count rows that are not in the file."""
        self.left_out += rows


def _text(options: argparse.Namespace, rows: Iterator[Row], count: _Count) -> Iterator[str]:
    if options.format == "csv":
        return csv.lines(rows, raw=options.raw)
    return otlp.lines(rows) if options.format == "otlp" else jaeger.chunks(rows, left_out=count.leave_out)


def _gathered(parts: Iterator[str]) -> Iterator[str]:
    """Small parts as larger ones."""
    held: list[str] = []
    size = 0
    for part in parts:
        held.append(part)
        size += len(part)
        if size >= _TOLD:
            yield "".join(held)
            held, size = [], 0
    yield "".join(held)


def _window(engine: Engine, options: argparse.Namespace) -> Window:
    now = now_ns()
    window = Window(
        moment_of(engine, options.start, now) if options.start else export.ALWAYS.from_ns,
        moment_of(engine, options.end, now) if options.end else export.ALWAYS.to_ns,
    )
    if window.from_ns > window.to_ns:
        raise BadParameter("The window ends before it begins.", "Give --from the earlier moment.")
    return window


@contextmanager
def _target(output: Path) -> Iterator[IO[bytes]]:
    """What is written to: standard output, or a file beside `output` that takes its name at the end."""
    if output == Path("-"):
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    part = output.with_name(f".{output.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as raw:
            if output.suffix == ".gz":
                with gzip.GzipFile(output.stem, "wb", fileobj=raw, mtime=0) as packed:
                    yield cast("IO[bytes]", packed)
            else:
                yield raw
        part.replace(output)
    except OSError as error:
        raise BadParameter(f"{output} can't be written: {error.strerror}.", "Name another file.") from error
    finally:
        with suppress(FileNotFoundError):
            part.unlink()

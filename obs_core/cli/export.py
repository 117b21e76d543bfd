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
from obs_core.query.filters.row_filter import FIELDS, RowFilter

FORMATS: Final = ("otlp", "jaeger", "csv")
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
    parser.add_argument("--group", help="only rows of this process group")
    for part in FIELDS.values():
        if part.type is bool:
            parser.add_argument(part.option, dest=part.name, action="store_true", help=part.help)
        else:
            metavar = "MS" if part.type is float else None
            parser.add_argument(part.option, dest=part.name, type=part.type, metavar=metavar, help=part.help)
    parser.add_argument(
        "--raw", action="store_true", help="CSV: leave cells that a spreadsheet would run as formulas as they are"
    )


def run(options: argparse.Namespace) -> int:
    """Write the rows that fit; the file appears under its name when it is whole."""
    log = options.log or settings.from_environment().log
    if options.raw and options.format != "csv":
        raise BadParameter("--raw belongs to --format csv.", "Leave it out.")
    with Engine(log, row_cap=None) as engine:
        window = _window(engine, options)
        pieces = export.pieces(engine, window, group=options.group, row_filter=row_filter_of(options))
        count = _Count()
        rows = count.counted(chain.from_iterable(pieces))
        with _target(options.output) as stream:
            for text in _gathered(_text(options, rows, count)):
                stream.write(text.encode())
    left_out = f", {count.left_out:,} left out: they belong to no call that is exported" if count.left_out else ""
    print(f"{count.rows - count.left_out:,} rows exported{left_out}", file=sys.stderr)
    return 0


def row_filter_of(options: argparse.Namespace) -> RowFilter:
    """The filter that the command's options describe."""
    return RowFilter(**{name: getattr(options, name) for name in FIELDS})


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

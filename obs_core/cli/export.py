"""`python -m obs_core export`: writes rows of the log to a file for other programs and for `import`."""

import argparse
import gzip
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import IO, cast

from obs_core import settings
from obs_core.cli import argument_types
from obs_core.cli.ask import time_ns_of
from obs_core.clock import Window, now_ns
from obs_core.errors import BadParameter
from obs_core.export.export_format import ExportFormat, Options
from obs_core.export.registry import FORMATS
from obs_core.model import Row
from obs_core.query import export
from obs_core.query.engine.engine import Engine
from obs_core.query.engine.opening import engine_on
from obs_core.query.filters.row_filter import FIELDS, RowFilter


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    default_log = "the trace log (default: the store in OBS_STORE, else OBS_LOG)"
    parser.add_argument("--log", type=argument_types.log_path, help=default_log)
    parser.add_argument("--format", choices=FORMATS, required=True, help=_labels())
    parser.add_argument(
        "--output",
        type=argument_types.path,
        default=Path("-"),
        metavar="FILE",
        help="default: - (standard output); a name ending in .gz is compressed",
    )
    times = "now, now-1h, last (just after the log's last row), last-1h, epoch milliseconds or ISO 8601"
    parser.add_argument("--from", dest="start", metavar="T", help=f"the window's start (default: all rows): {times}")
    parser.add_argument("--to", dest="end", metavar="T", help="the window's end, exclusive (default: all rows)")
    parser.add_argument("--group", help="only rows of this process group")
    for part in FIELDS.values():
        if part.type is bool:
            parser.add_argument(part.option, dest=part.name, action="store_true", help=part.help)
        else:
            metavar = "MS" if part.type is float else None
            parser.add_argument(part.option, dest=part.name, type=part.type, metavar=metavar, help=part.help)
    parser.add_argument(
        "--raw", action="store_true", help="CSV: do not escape cells that a spreadsheet would run as formulas"
    )


def _labels() -> str:
    return "; ".join(f"{known.name}: {known.label}" for known in FORMATS.values())


def run(options: argparse.Namespace) -> int:
    """Write the matching rows; the file appears under its name when it is complete."""
    current = settings.from_environment()
    export_format = FORMATS[options.format]
    _check(options, export_format)
    with engine_on(options.log or current.log, "" if options.log else settings.store_url(), row_cap=None) as engine:
        window = _window(engine, options)
        pieces = export.pieces(engine, window, group=options.group, row_filter=row_filter_of(options))
        count = _Count()
        rows = count.counted(chain.from_iterable(pieces))
        with _target(options.output) as stream:
            for chunk in export_format.write(rows, Options(raw=options.raw, left_out=count.leave_out)):
                stream.write(chunk)
    left_out = f", {count.left_out:,} left out: no exported call has them" if count.left_out else ""
    print(f"{count.rows - count.left_out:,} rows exported{left_out}", file=sys.stderr)
    return 0


def row_filter_of(options: argparse.Namespace) -> RowFilter:
    """The filter that the command's options describe."""
    return RowFilter(**{name: getattr(options, name) for name in FIELDS})


def _check(options: argparse.Namespace, export_format: ExportFormat) -> None:
    if options.raw and not export_format.escapes_formulas:
        names = ", ".join(known.name for known in FORMATS.values() if known.escapes_formulas)
        raise BadParameter(f"--raw belongs to --format {names}.", "Leave it out.")
    if options.output == Path("-") and not export_format.is_text and sys.stdout.isatty():
        raise BadParameter(f"{export_format.label} is not text for a terminal.", "Name a file with --output.")


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


def _window(engine: Engine, options: argparse.Namespace) -> Window:
    now = now_ns()
    window = Window(
        time_ns_of(engine, options.start, now) if options.start else export.ALWAYS.from_ns,
        time_ns_of(engine, options.end, now) if options.end else export.ALWAYS.to_ns,
    )
    if window.from_ns > window.to_ns:
        raise BadParameter("The window ends before it starts.", "Give --from the earlier time.")
    return window


@contextmanager
def _target(output: Path) -> Iterator[IO[bytes]]:
    """The stream to write to: standard output, or a temporary file that is renamed to `output` at the end.

    A device or a pipe is written as it is: renaming a file would replace it.
    """
    if output == Path("-"):
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if output.is_dir():
        raise BadParameter(f"{output} is a directory.", "Name a file in it.")
    is_special = output.exists() and not output.is_file()
    part = output if is_special else output.with_name(f".{output.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as raw:
            if output.suffix == ".gz":
                with gzip.GzipFile(output.stem, "wb", fileobj=raw, mtime=0) as packed:
                    yield cast("IO[bytes]", packed)
            else:
                yield raw
        if not is_special:
            part.replace(output)
    except OSError as error:
        raise BadParameter(f"{output} can't be written: {error.strerror}.", "Name another file.") from error
    finally:
        if not is_special:
            with suppress(OSError):
                part.unlink()

"""`ask`: the answer to any question about the log, as JSON, CSV or a table."""

import argparse
import csv
import io
import json
import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import numpy as np
import pandas as pd
from pandas import DataFrame

from obs_core import settings
from obs_core.cli import argument_types
from obs_core.clock import Window, instant_ns, iso_text, names_extent, now_ns
from obs_core.errors import BadParameter
from obs_core.query.engine.engine import Engine
from obs_core.query.engine.opening import engine_on
from obs_core.query.questions import catalog

WIDEST: Final = 60  # characters of a cell in a table; json and csv have the whole text
Cell = str | int | float | bool | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "questions:\n" + "\n".join(
        f"  {question.name:24} {question.summary}\n  {'':24} {', '.join(question.parameters)}"
        for question in catalog.QUESTIONS.values()
    )
    parser.add_argument("question", metavar="QUESTION", help="the question, for example overview.summary (see below)")
    parser.add_argument(
        "--log",
        type=argument_types.log_path,
        help="the trace log (default: the store in OBS_STORE, else OBS_LOG)",
    )
    times = "now, now-1h, last (just after the log's last row), last-1h, epoch milliseconds or ISO 8601"
    parser.add_argument(
        "--from", dest="start", default="now-1h", metavar="T", help=f"start of the window (default: now-1h): {times}"
    )
    parser.add_argument(
        "--to", dest="end", default="now", metavar="T", help="end of the window, exclusive (default: now)"
    )
    parser.add_argument(
        "--param", action="append", default=[], metavar="K=V", help="a parameter of the question; can be repeated"
    )
    parser.add_argument("--limit", type=int, metavar="N", help="at most N rows (default: all)")
    parser.add_argument("--format", choices=tuple(_WRITERS), default="table", help="default: table")
    parser.add_argument(
        "--timeout", type=argument_types.seconds, default=5.0, metavar="S", help="time limit in seconds (default: 5)"
    )


def run(options: argparse.Namespace) -> int:
    """Run the command: print the answer."""
    question = catalog.question(options.question)
    texts = _parameters(options.param)
    if options.limit is not None and options.limit < 0:
        raise BadParameter(f"--limit is {options.limit}.", "Give the maximum number of rows, 0 or more.")
    current = settings.from_environment()
    with engine_on(
        options.log or current.log,
        "" if options.log else settings.store_url(),
        row_cap=None,
        limit_s=options.timeout,
        archive=current.archive != "no",
    ) as engine:
        window = _window(engine, options.start, options.end)
        answer = question.answer(engine, window, texts)
        if (looked_to := answer.attrs.get("looked_to_ns")) is not None:
            message = f"The rows up to {iso_text(looked_to)} were searched so far."
            print(f"{message} Continue with --param after={answer.attrs['next']}", file=sys.stderr)
        elif not len(answer):
            _hint_at_rows(engine, window)
    printed = answer if options.limit is None else answer.head(options.limit)
    truncated = bool(answer.attrs.get("truncated")) or len(printed) < len(answer)
    printed.attrs = answer.attrs | {"truncated": truncated, "question": question.name, "window": window}
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    _WRITERS[options.format](printed)
    return 0


def _parameters(options: Sequence[str]) -> dict[str, str]:
    """The values of `--param name=value`, by name."""
    parts = [option.partition("=") for option in options]
    if invalid := next((name for name, sign, _ in parts if not (sign and name)), None):
        raise BadParameter(f"--param {invalid} has no value.", "Write it as --param name=value.")
    return {name: value for name, _, value in parts}


def time_ns_of(engine: Engine, text: str, now: int) -> int:
    """The time that `text` names, in nanoseconds; `first` and `last` are the log's (now, while it is empty).

    Raises:
        BadParameter: it is not a time.
    """
    if not names_extent(text):
        return instant_ns(text, now)
    return instant_ns(text, now, engine.extent() or Window(now, now))


def _window(engine: Engine, start: str, end: str) -> Window:
    now = now_ns()
    window = Window(time_ns_of(engine, start, now), time_ns_of(engine, end, now))
    if window.from_ns > window.to_ns:
        raise BadParameter(
            "The window ends before it starts.", "Set --from to the earlier time and --to to the later one."
        )
    return window


def _hint_at_rows(engine: Engine, window: Window) -> None:
    """Print the time range of the log's rows, if the window has none of them."""
    extent = engine.extent()
    if extent is None:
        print(f"{engine.log if engine.is_log else engine.address} has no rows yet.", file=sys.stderr)
    elif extent.to_ns <= window.from_ns or extent.from_ns >= window.to_ns:
        covered = f"{iso_text(extent.from_ns)} to {iso_text(extent.to_ns - 1)}"
        print(
            f"No rows in this window: the log has rows from {covered}. Try --from last-1h --to last.", file=sys.stderr
        )


def _as_json(answer: DataFrame) -> None:
    window = answer.attrs["window"]
    document = {
        "question": answer.attrs["question"],
        "from_ns": window.from_ns,
        "to_ns": window.to_ns,
        "approximate": bool(answer.attrs.get("approximate")),
        "truncated": answer.attrs["truncated"],
        "rows": [dict(zip(answer.columns, row, strict=True)) for row in _rows(answer)],
    }
    if answer.attrs.get("next"):
        document["next"] = answer.attrs["next"]
    print(json.dumps(document, ensure_ascii=False, allow_nan=False))


def _as_csv(answer: DataFrame) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(answer.columns)
    writer.writerows([_plain(cell) for cell in row] for row in _rows(answer))


def _as_table(answer: DataFrame) -> None:
    body = [
        [_short(f"{cell:.6g}" if isinstance(cell, float) else _plain(cell)) for cell in row] for row in _rows(answer)
    ]
    widths = [max(map(len, column)) for column in zip(answer.columns, *body, strict=True)]
    right = [pd.api.types.is_numeric_dtype(kind) for kind in answer.dtypes]
    for line in ([str(name) for name in answer.columns], ["─" * width for width in widths], *body):
        cells = (
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(line, widths, right, strict=True)
        )
        print("  ".join(cells).rstrip())
    if answer.attrs["truncated"]:
        print(f"({len(answer):,} rows; there are more.)")


def _rows(answer: DataFrame) -> Iterator[tuple[Cell, ...]]:
    columns: Iterable[list[Cell]] = ([_cell(value) for value in answer[name].astype(object)] for name in answer.columns)
    return zip(*columns, strict=True)


def _cell(value: object) -> Cell:
    """`value` as one of Python's own types; missing and infinite values are None."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or value is pd.NA or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return value if isinstance(value, str | int | float) else str(value)


def _plain(cell: Cell) -> str:
    """`cell` as text without loss: floats with all their digits."""
    if cell is None:
        return ""
    return str(cell).lower() if isinstance(cell, bool) else cell if isinstance(cell, str) else repr(cell)


def _short(text: str) -> str:
    line = "".join(letter if letter.isprintable() else "·" for letter in text[: WIDEST + 1])
    return line if len(line) <= WIDEST else line[: WIDEST - 1] + "…"


_WRITERS: Final = {"json": _as_json, "csv": _as_csv, "table": _as_table}

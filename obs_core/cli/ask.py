"""`ask`: any question of the log from the shell, as JSON, CSV or a table."""

import argparse
import csv
import io
import json
import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from pandas import DataFrame

from obs_core import settings
from obs_core.clock import Window, instant_ns, iso_text, names_extent, now_ns
from obs_core.errors import BadParameter
from obs_core.query.engine.engine import Engine
from obs_core.query.questions import catalog

WIDEST: Final = 60  # characters of a cell in a table; json and csv have all of it
Cell = str | int | float | bool | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "questions:\n" + "\n".join(
        f"  {asked.name:24} {asked.summary}\n  {'':24} {', '.join(asked.parameters)}"
        for asked in catalog.QUESTIONS.values()
    )
    parser.add_argument("question", metavar="QUESTION", help="what to ask, such as overview.summary (see below)")
    parser.add_argument(
        "--log", type=Path, default=settings.from_environment().log, help="the trace log (default: OBS_LOG)"
    )
    moments = "now, now-1h, last (just after the log's last row), last-1h, epoch milliseconds or ISO 8601"
    parser.add_argument(
        "--from", dest="start", default="now-1h", metavar="T", help=f"the window's begin (default: now-1h): {moments}"
    )
    parser.add_argument(
        "--to", dest="end", default="now", metavar="T", help="the window's end, which is not in it (default: now)"
    )
    parser.add_argument(
        "--param", action="append", default=[], metavar="K=V", help="a parameter of the question; repeat it"
    )
    parser.add_argument("--limit", type=int, metavar="N", help="at most N rows (default: all)")
    parser.add_argument("--format", choices=tuple(_WRITERS), default="table", help="default: table")
    parser.add_argument(
        "--timeout", type=float, default=5.0, metavar="S", help="seconds until it is stopped (default: 5)"
    )


def run(options: argparse.Namespace) -> int:
    """Ask, and print the answer."""
    asked = catalog.question(options.question)
    words = _words(options.param)
    if options.limit is not None and options.limit < 0:
        raise BadParameter(f"--limit is {options.limit}.", "Give the largest number of rows, from 0 on.")
    with Engine(options.log, row_cap=None, limit_s=options.timeout) as engine:
        window = _window(engine, options.start, options.end)
        found = asked.answer(engine, window, words)
        if (looked_to := found.attrs.get("looked_to_ns")) is not None:
            spoken = f"The rows up to {iso_text(looked_to)} were looked through so far."
            print(f"{spoken} Go on with --param after={found.attrs['next']}", file=sys.stderr)
        elif not len(found):
            _say_where_rows_are(engine, window)
    shown = found if options.limit is None else found.head(options.limit)
    truncated = bool(found.attrs.get("truncated")) or len(shown) < len(found)
    shown.attrs = found.attrs | {"truncated": truncated, "question": asked.name, "window": window}
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    _WRITERS[options.format](shown)
    return 0


def _words(given: Sequence[str]) -> dict[str, str]:
    parted = [word.partition("=") for word in given]
    if wrong := next((name for name, sign, _ in parted if not (sign and name)), None):
        raise BadParameter(f"--param {wrong} has no value.", "Write it as --param name=value.")
    return {name: value for name, _, value in parted}


def moment_of(engine: Engine, text: str, now: int) -> int:
    """The time that `text` names, in nanoseconds; `first` and `last` are the log's (now, while it is empty).

    Raises:
        BadParameter: it is not a time.
    """
    if not names_extent(text):
        return instant_ns(text, now)
    return instant_ns(text, now, engine.extent() or Window(now, now))


def _window(engine: Engine, start: str, end: str) -> Window:
    now = now_ns()
    window = Window(moment_of(engine, start, now), moment_of(engine, end, now))
    if window.from_ns > window.to_ns:
        raise BadParameter(
            "The window ends before it begins.", "Give --from the earlier moment and --to the later one."
        )
    return window


def _say_where_rows_are(engine: Engine, window: Window) -> None:
    extent = engine.extent()
    if extent is None:
        print(f"{engine.log} has no rows yet.", file=sys.stderr)
    elif extent.to_ns <= window.from_ns or extent.from_ns >= window.to_ns:
        spoken = f"{iso_text(extent.from_ns)} to {iso_text(extent.to_ns - 1)}"
        print(f"No row in this window: the log's are from {spoken}. Try --from last-1h --to last.", file=sys.stderr)


def _as_json(found: DataFrame) -> None:
    window = found.attrs["window"]
    answer = {
        "question": found.attrs["question"],
        "from_ns": window.from_ns,
        "to_ns": window.to_ns,
        "approximate": bool(found.attrs.get("approximate")),
        "truncated": found.attrs["truncated"],
        "rows": [dict(zip(found.columns, row, strict=True)) for row in _rows(found)],
    }
    if found.attrs.get("next"):
        answer["next"] = found.attrs["next"]
    print(json.dumps(answer, ensure_ascii=False, allow_nan=False))


def _as_csv(found: DataFrame) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(found.columns)
    writer.writerows([_plain(cell) for cell in row] for row in _rows(found))


def _as_table(found: DataFrame) -> None:
    body = [
        [_short(f"{cell:.6g}" if isinstance(cell, float) else _plain(cell)) for cell in row] for row in _rows(found)
    ]
    widths = [max(map(len, column)) for column in zip(found.columns, *body, strict=True)]
    right = [pd.api.types.is_numeric_dtype(kind) for kind in found.dtypes]
    for line in ([str(name) for name in found.columns], ["─" * width for width in widths], *body):
        cells = (
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(line, widths, right, strict=True)
        )
        print("  ".join(cells).rstrip())
    if found.attrs["truncated"]:
        print(f"({len(found):,} rows; there are more.)")


def _rows(found: DataFrame) -> Iterator[tuple[Cell, ...]]:
    columns: Iterable[list[Cell]] = ([_cell(value) for value in found[name].astype(object)] for name in found.columns)
    return zip(*columns, strict=True)


def _cell(value: object) -> Cell:
    """`value` as Python's own kind; what is missing or not finite is None."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or value is pd.NA or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return value if isinstance(value, str | int | float) else str(value)


def _plain(cell: Cell) -> str:
    """`cell` as text that reads back as itself: floats with all their digits."""
    if cell is None:
        return ""
    return str(cell).lower() if isinstance(cell, bool) else cell if isinstance(cell, str) else repr(cell)


def _short(text: str) -> str:
    line = "".join(letter if letter.isprintable() else "·" for letter in text[: WIDEST + 1])
    return line if len(line) <= WIDEST else line[: WIDEST - 1] + "…"


_WRITERS: Final = {"json": _as_json, "csv": _as_csv, "table": _as_table}

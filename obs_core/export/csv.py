"""Rows as CSV: the seven canonical columns first, then the others; RFC 4180, UTF-8.

Times are in ISO 8601 and, exactly, in nanoseconds. A cell that a spreadsheet would run as a formula gets an apostrophe
before it, and the last column marks the row, so that importing the file restores the cell.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, cast

from obs_core.clock import iso_text
from obs_core.export.export_format import ExportFormat, joined
from obs_core.ingest.formats.csv_rows import DEFUSED, defused
from obs_core.model import CANONICAL, Row

OTHERS: Final = (
    *("kind", "trace_id", "span_id", "parent_span_id", "process_group", "function", "duration_ms", "memory_delta"),
    *("timestamp_ns", "exception_stack", "attributes"),
)
"""The columns after the seven, by the names that the importer knows."""

BATCH: Final = 1_000  # rows that are written at once: 5 ms without a turn for other threads

_COLUMNS: Final = (
    *("process", "data", "data_type", "data_value", "timestamp", "status", "exception", "kind", "trace_id", "span_id"),
    *("parent_span_id", "process_group", "function", "duration_ns", "memory_delta", "timestamp", "exception_stack"),
    "attributes",
)
_INDEXES: Final = tuple(Row._fields.index(name) for name in _COLUMNS)
_NUMBERS: Final = frozenset({"timestamp", "duration_ns", "memory_delta"})
_SPECIAL: Final = re.compile('[,"\\r\\n]')
_SUSPECT: Final = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20'")
"""The first characters of cells that may be formulas; `defused` decides."""


def lines(rows: Iterable[Row], *, raw: bool = False) -> Iterator[str]:
    """The file in parts of whole lines, header first; with `raw`, formulas are not escaped.

    If `rows` fails, the rows before that are written first.
    """
    yield ",".join([*CANONICAL, *OTHERS, *([] if raw else [DEFUSED])]) + "\r\n"
    for batch in _batches(rows):
        yield "\r\n".join(map(",".join, _lines(batch, raw=raw))) + "\r\n"


def cut_notice(why: str) -> bytes:
    """The last line of a file that is not complete."""
    return (f"ERROR: this file is not complete. {why}".replace(",", ";") + "\r\n").encode()


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    remaining = iter(rows)
    while True:
        batch: list[Row] = []
        try:
            batch.extend(islice(remaining, BATCH))
        except Exception:
            if batch:
                yield batch
            raise
        if not batch:
            return
        yield batch


def _lines(batch: Sequence[Row], *, raw: bool) -> Iterable[tuple[str, ...]]:
    """The written cells of the lines.

    Works by columns, so that each distinct text is checked once; csv.writer takes twice the time per row.
    """
    columns_of_rows = list(zip(*batch, strict=True))
    marks = [""] * len(batch)
    columns: list[Sequence[str]] = []
    for position, (index, name) in enumerate(zip(_INDEXES, _COLUMNS, strict=True)):
        if name in _NUMBERS:
            columns.append([*map(_WRITTEN.get(position, _integer), columns_of_rows[index])])
            continue
        cells, changed = _written(columns_of_rows[index], raw=raw)
        columns.append(cells)
        if changed:
            marks = ["1" if cell in changed else mark for cell, mark in zip(columns_of_rows[index], marks, strict=True)]
    return zip(*columns, strict=True) if raw else zip(*columns, marks, strict=True)


def _written(column: Sequence[str | None], *, raw: bool) -> tuple[Sequence[str], frozenset[str]]:
    """The written cells of a column of texts, and the texts that were escaped."""
    distinct = set(column)
    empty = None in distinct
    distinct.discard(None)
    texts = cast("set[str]", distinct)
    if not texts:
        return [""] * len(column), frozenset()
    if _SPECIAL.search("".join(texts)) is None and _SUSPECT.isdisjoint(text[:1] for text in texts):  # most columns
        cells = ["" if cell is None else cell for cell in column] if empty else cast("Sequence[str]", column)
        return cells, frozenset()
    written: dict[str | None, str] = {None: ""}
    changed = set()
    for text in texts:
        safe = defused(text) if not raw and text[:1] in _SUSPECT else text
        if safe != text:
            changed.add(text)
        written[text] = '"' + safe.replace('"', '""') + '"' if _SPECIAL.search(safe) else safe
    return [written[cell] for cell in column], frozenset(changed)


def _milliseconds(nanoseconds: int | None) -> str:
    """Exactly, with six decimals."""
    if nanoseconds is None:
        return ""
    if nanoseconds < 0:
        return "-" + _milliseconds(-nanoseconds)
    return f"{nanoseconds // 1_000_000}.{nanoseconds % 1_000_000:06d}"


def _integer(number: int | None) -> str:
    return "" if number is None else str(number)


_WRITTEN: Final[dict[int, Callable[[int], str]]] = {
    _COLUMNS.index("timestamp"): iso_text,
    _COLUMNS.index("duration_ns"): _milliseconds,
}
"""How the numbers of these columns are written; the others are written as integers."""

FORMAT: Final = ExportFormat(
    name="csv",
    label="CSV",
    suffix="csv",
    media_type="text/csv; charset=utf-8",
    write=lambda rows, options: joined(lines(rows, raw=options.raw)),
    offered_for="rows",
    cut_notice=cut_notice,
    escapes_formulas=True,
)

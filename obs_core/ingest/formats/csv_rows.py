"""CSV with the seven canonical columns, and the further columns that our own export adds.

Without a column kind, rows with the Status ERROR or with an Exception are calls; all others are values (with the
status OK), even with an empty Data Value: a missing reading is a reading.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

from obs_core.clock import iso_ns
from obs_core.errors import FileRefused, NotTraces
from obs_core.ingest.formats import import_format
from obs_core.ingest.formats.import_format import Parts, TableFormat
from obs_core.ingest.formats.rows import MOST_NS, Refused, to_int, to_ns
from obs_core.model import CANONICAL, Row
from obs_core.text import clean

_WHOLE: Final = (
    ("duration_ns", "duration_ns", 1),
    ("duration_ms", "duration_ns", 10**6),
    ("memory_delta", "memory_delta", 1),
)
_TEXT: Final = (
    *("process_group", "data_type", "exception", "exception_stack", "trace_id", "span_id", "parent_span_id"),
    *("function", "attributes"),
)
_KINDS: Final = ("call", "value", "log")
_STATUSES: Final = {"OK": "OK", "ERROR": "ERROR", "UNSET": "UNSET", "": "UNSET"}
_UNITS: Final = ((100_000_000_000, 10**9), (100_000_000_000_000, 10**6), (100_000_000_000_000_000, 10**3))
_SAMPLE: Final = 1_000
LONGEST_CELL: Final = 100_000_000
DEFUSED: Final = "defused"
"""The column in which our own export marks rows with escaped cells."""

_FORMULA: Final = re.compile(r"'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")  # OWASP, "CSV Injection"; full-width signs too
_NUMERIC: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-](inf|nan|Infinity|NaN)")


def defused(text: str) -> str:
    """`text` with an apostrophe before it if a spreadsheet would run it as a formula; numbers are harmless.

    A text that is a formula after leading apostrophes gets one more, so that `armed` is the inverse.
    """
    return f"'{text}" if _FORMULA.match(text) and not _NUMERIC.fullmatch(text) else text


def armed(text: str) -> str:
    """The inverse of `defused`."""
    return text[1:] if text.startswith("'") and defused(text[1:]) == text else text


class Records:
    """The rows of cells of a CSV file, and the number of the line that each ends with (`line_num`).

    A row may have many lines and cells; together they have a limit, as each cell has one in the module csv.
    """

    def __init__(self, lines: Iterable[str], name: str, delimiter: str) -> None:
        """`name` is the title of the file in errors."""
        csv.field_size_limit(LONGEST_CELL)
        self._lines = lines
        self._name = name
        self._delimiter = delimiter
        self.size = self._cells = 0
        self._reader = csv.reader(self._counted(), delimiter=delimiter)

    @property
    def line_num(self) -> int:
        """The number of lines read so far."""
        return self._reader.line_num

    def __iter__(self) -> Iterator[list[str]]:
        """The records itself, as of a file."""
        return self

    def __next__(self) -> list[str]:
        """The cells of the next row; `size` is its number of characters."""
        self.size = self._cells = 0
        return next(self._reader)

    def _counted(self) -> Iterator[str]:
        for line in self._lines:
            self.size += len(line)
            self._cells += line.count(self._delimiter)
            if self.size >= import_format.LARGEST:
                raise import_format.too_large(self._name, self.line_num + 1)
            if self._cells > import_format.MOST_VALUES:
                raise import_format.too_many(self._name, self.line_num + 1, f"{import_format.MOST_VALUES:,} cells")
            yield line


def rows(lines: Iterable[str], name: str, delimiter: str = ",") -> Parts:
    """The rows of a CSV file; `name` is its title in errors. Rows that can't be stored are `Refused`.

    Raises:
        NotTraces: the header lacks one of the seven columns.
        FileRefused: it is not CSV.
    """
    reader = Records(lines, name, delimiter)
    try:
        columns = _columns(next(reader, []), name)
        first = list(_sample(reader))
        unit = _unit(cells[columns["timestamp"]] for _, cells in first if len(cells) > columns["timestamp"])
        for line, cells in first:
            yield _row(cells, columns, unit, line)
        for cells in reader:
            yield _row(cells, columns, unit, reader.line_num)
    except csv.Error as error:
        raise FileRefused(
            f"{name}: line {reader.line_num} is not CSV: {error}.", "Save the file as CSV again."
        ) from error


def _sample(reader: Records) -> Iterator[tuple[int, list[str]]]:
    """The first rows with their lines; few if they are large."""
    size = 0
    for cells in islice(reader, _SAMPLE):
        yield reader.line_num, cells
        size += reader.size
        if size > LONGEST_CELL:
            return


def titles(header: list[str]) -> dict[str, int]:
    """The index of each column, by its title in lower case with underscores."""
    return {
        re.sub(r"[^a-z0-9]+", "_", title.lower().lstrip("\ufeff")).strip("_"): at for at, title in enumerate(header)
    }


def is_header(cells: list[str]) -> bool:
    """Whether these cells are the header of a file of rows."""
    return set(CANONICAL.values()) <= titles(cells).keys()


def _columns(header: list[str], name: str) -> dict[str, int]:
    """The index of each column; case, spaces and underscores of titles do not matter."""
    columns = titles(header)
    if missing := [title for title, column in CANONICAL.items() if column not in columns]:
        raise NotTraces(
            f"{name}: line 1 has no column {', '.join(missing)}.",
            f"A CSV file needs the columns {', '.join(CANONICAL)}, or those of spans; a JSON file begins with {{ or [.",
        )
    return columns


def _row(cells: list[str], columns: Mapping[str, int], unit: int, line: int) -> Row | Refused:
    if not any(cells):
        return Refused(line, "the line is empty")
    cell = {name: clean(cells[at]) if at < len(cells) else "" for name, at in columns.items()}
    if cell.get(DEFUSED) == "1":
        cell = {name: armed(text) for name, text in cell.items()}
    timestamp_ns = to_int(cell.get("timestamp_ns")) if cell.get("timestamp_ns") else _time_ns(cell["timestamp"], unit)
    if timestamp_ns is None:
        return Refused(line, f"the Timestamp “{cell['timestamp'][:40]}” is not a time")
    status = _STATUSES.get(cell["status"].strip().upper())
    if status is None:
        return Refused(line, f"the Status “{cell['status'][:40]}” is not OK, ERROR or UNSET")
    given_kind = cell.get("kind")
    kind = given_kind or ("call" if status == "ERROR" or cell["exception"] else "value")
    if kind not in _KINDS:
        return Refused(line, f"the kind “{kind[:40]}” is not one of {', '.join(_KINDS)}")
    if kind == "value" and status == "UNSET" and not given_kind:
        status = "OK"
    fields: dict[str, Any] = {name: cell[name] or None for name in _TEXT if name in cell}
    for name, column, scale in _WHOLE:
        if cell.get(name) and fields.get(column) is None:
            fields[column] = to_ns(cell[name], scale)
            if fields[column] is None:
                return Refused(line, f"the {name} “{cell[name][:40]}” is not a number")
    # an empty cell is an empty text if there was a value at all; our own export then writes its type
    was_given = kind == "value" or bool(given_kind and cell["data_type"])
    value = cell["data_value"] or ("" if was_given else None)
    return Row(kind, cell["process"], cell["data"], timestamp_ns, data_value=value, status=status, **fields)  # type: ignore[arg-type]


def _unit(times: Iterator[str]) -> int:
    """Nanoseconds in one unit of the file's numeric times, by the majority of a sample: s, ms, µs or ns since 1970."""
    numbers = (abs(number) for text in times if (number := to_ns(text)) is not None)
    units = Counter(next((unit for most, unit in _UNITS if number < most), 1) for number in numbers)
    return units.most_common(1)[0][0] if units else 1


def _time_ns(text: str, unit: int) -> int | None:
    stripped = text.strip()
    time_ns = to_ns(stripped, unit)
    if time_ns is None:
        time_ns = iso_ns(stripped)
    return time_ns if time_ns is not None and abs(time_ns) <= MOST_NS else None


FORMAT: Final = TableFormat(
    name="CSV of rows",
    fits=is_header,
    read=rows,
    sample=b"Process,Data,Data Type,Data Value,Timestamp,Status,Exception\n"
    b"shop,basket.total,int,3,2025-01-27T17:46:40Z,OK,\n",
)

"""CSV with one span per line: ids, names, times in nanoseconds, status and exception.

Required are trace_id, span_id, operation (or name) and start_unix_nano; end_unix_nano or duration_ms gives the end.
Other columns become attributes.
"""

import csv
from collections.abc import Iterable, Mapping
from typing import Any, Final

from obs_core.errors import FileRefused
from obs_core.ingest.formats import csv_rows
from obs_core.ingest.formats.csv_rows import Records, titles
from obs_core.ingest.formats.import_format import Parts, TableFormat
from obs_core.ingest.formats.rows import MOST_NS, Refused, as_json, lenient_id, no_time, to_int, to_ns
from obs_core.model import Row
from obs_core.text import clean

NEEDED: Final = ("trace_id", "span_id", "operation", "start_unix_nano")
_ALSO: Final = {"name": "operation", "parent_span_id": "parent_id", "service": "process_group"}
_KNOWN: Final = frozenset(
    {*NEEDED, "parent_id", "process_group", "process", "end_unix_nano", "duration_ms", "status", "exception", "kind"}
)
_STATUSES: Final = {"OK": "OK", "ERROR": "ERROR", "UNSET": "UNSET", "": "UNSET", "0": "UNSET", "1": "OK", "2": "ERROR"}


def is_header(cells: list[str]) -> bool:
    """Whether these cells are the header of a file of spans, and not of rows."""
    return set(NEEDED) <= _columns(cells).keys() and not csv_rows.is_header(cells)


def rows(lines: Iterable[str], name: str, delimiter: str = ",") -> Parts:
    """The rows of a file of spans; `name` is its title in errors. Spans that can't be stored are `Refused`.

    Raises:
        FileRefused: it is not CSV.
    """
    reader = Records(lines, name, delimiter)
    try:
        columns = _columns(next(reader, []))
        for cells in reader:
            if any(cells):
                yield _row({name: cells[at] for name, at in columns.items() if at < len(cells)}, reader.line_num)
            else:
                yield Refused(reader.line_num, "the line is empty")
    except csv.Error as error:
        raise FileRefused(
            f"{name}: line {reader.line_num} is not CSV: {error}.", "Save the file as CSV again."
        ) from error


def _columns(header: list[str]) -> dict[str, int]:
    columns = titles(header)
    return {_ALSO.get(title, title) if _ALSO.get(title) not in columns else title: at for title, at in columns.items()}


def _row(cell: Mapping[str, str], line: int) -> Row | Refused:
    trace_id, span_id = lenient_id(cell.get("trace_id"), 32), lenient_id(cell.get("span_id"), 16)
    if not (trace_id and span_id):
        return Refused(line, f"a span without a usable id: {cell.get('trace_id')!s:.40}, {cell.get('span_id')!s:.40}")
    status = _STATUSES.get(cell.get("status", "").strip().upper())
    if status is None:
        return Refused(line, f"the status “{cell['status'][:40]}” is not OK, ERROR or UNSET")
    for name, unit in (("start_unix_nano", 1), ("end_unix_nano", 1), ("duration_ms", 10**6)):
        if cell.get(name) and to_ns(cell[name], unit) is None:
            return Refused(line, f"the {name} “{cell[name][:40]}” is not a time")
    start = to_ns(cell.get("start_unix_nano"))
    if not start:
        return Refused(line, no_time("span", cell.get("operation")))
    group = clean(cell.get("process_group", "")) or None
    kind = cell.get("kind")
    more = {"kind": to_int(kind) or kind} if kind else {}
    others = {title: text for title, text in cell.items() if title not in _KNOWN and text}
    parts: dict[str, Any] = {"attributes": others, "span": more}
    return Row(
        "call",
        clean(cell.get("process", "")) or group or "",
        clean(cell.get("operation", "")),
        start,
        group,
        status=status,  # type: ignore[arg-type]
        exception=clean(cell.get("exception", "")) or None,
        trace_id=trace_id,
        span_id=span_id,
        parent_span_id=lenient_id(cell.get("parent_id"), 16),
        duration_ns=_duration(cell, start),
        attributes=as_json(parts),
    )


def _duration(cell: Mapping[str, str], start: int) -> int | None:
    """From start to end; `duration_ms` is used only without an end, since it may be rounded."""
    end = to_ns(cell.get("end_unix_nano"))
    duration = end - start if end and start else to_ns(cell.get("duration_ms"), 10**6)
    return duration if duration is not None and abs(duration) <= MOST_NS else None


FORMAT: Final = TableFormat(
    name="CSV of spans",
    fits=is_header,
    read=rows,
    sample=b"trace_id,span_id,operation,start_unix_nano\n5b8efff798038103d269b633813fc60c,eee19b7ec3c1b174,pay,1738000000000000000\n",
)

"""Builds a trace log from the table in a test's docstring."""

from pathlib import Path
from typing import Any

from obs_core.clock import SECOND
from obs_core.model import Row
from obs_core.store import log, sqlite

START_NS = 1_767_225_600 * SECOND  # 2026-01-01T00:00:00Z
PLAIN = ("seconds", "process", "data", "data_value", "status")
_NUMBERS = ("timestamp", "duration_ns", "memory_delta", "code_id", "run_id")


def rows(text: str) -> list[Row]:
    """The rows in the table `text`, one per line.

    Columns are those of `PLAIN`, or the ones that a first line starting with `seconds` names: any field of `Row`, and
    `duration_ms`. `seconds` counts from `START_NS`; `-` is NULL. Rows are calls unless there is a column `kind`.
    """
    lines = [line.split() for line in text.splitlines() if line.strip()]
    names = tuple(lines.pop(0)) if lines and lines[0][0] == "seconds" else PLAIN
    return [_row(dict(zip(names, line, strict=False))) for line in lines]


def store(path: Path, new_rows: list[Row]) -> None:
    """Append `new_rows` to the log at `path`, which is created if it does not exist."""
    connection = log.open_log(path)
    with sqlite.transaction(connection):
        log.append(connection, new_rows)
    connection.close()


def _row(cells: dict[str, str]) -> Row:
    fields: dict[str, Any] = {name: None if cell == "-" else cell for name, cell in cells.items()}
    fields["timestamp"] = START_NS + round(float(fields.pop("seconds")) * SECOND)
    if (duration := fields.pop("duration_ms", None)) is not None:
        fields["duration_ns"] = round(float(duration) * 1_000_000)
    for name in _NUMBERS:
        if fields.get(name) is not None:
            fields[name] = int(fields[name])
    return Row(**{"kind": "call", **fields})

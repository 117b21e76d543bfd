"""The shape of a log: ours, or one that another program made, and the relations that make both look the same.

A log of ours is read as it is. Of any other SQLite file with a table (or view) `data_trace` and the seven canonical
columns, the other columns are mapped where they exist and are NULL where they don't; whatever type a cell has, it
comes out as text or a whole number. Without a column `kind`, each row counts as a call and, where Data Value is not
empty, also as a value.
"""

import re
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from obs_core.errors import NotALog
from obs_core.model import CANONICAL, Row

WHOLE: Final = frozenset({"id", "timestamp", "duration_ns", "memory_delta", "code_id", "run_id"})
"""The columns of the log that hold whole numbers; all others hold text."""

COLUMNS: Final = ("id", *Row._fields)
_ALIASES: Final = {"group": "process_group", "parent_id": "parent_span_id", "duration": "duration_ms"}
_LOST: Final = (
    (("trace_id", "span_id", "parent_span_id"), "It has no {}: rows stand alone, without a tree."),
    (("process_group",), "It has no process group: groups and their filter are empty."),
    (("duration_ns",), "It has no durations: there are no percentiles."),
    (("function",), "It has no function names: functions go by their Data column."),
    (("memory_delta",), "It has no memory figures."),
    (("code_id",), "It has no recorded source."),
)
_FURTHEST: Final = "9.2e18"  # nanoseconds, a little less than 64 bits hold: the year 2261
_SAMPLE: Final = 1_000


@dataclass(frozen=True, slots=True)
class Shape:
    """How a log is read: `rows` is a SQLite table expression with the columns `COLUMNS`; the others filter it.

    `missing` holds a sentence for each thing that the log can't tell.
    """

    native: bool
    rows: str
    calls_where: str
    values_where: str
    logs_where: str
    missing: tuple[str, ...] = ()

    def relation(self, name: str) -> str:
        """The table expression for `rows`, `calls`, `values` or `logs`."""
        where = {"calls": self.calls_where, "values": self.values_where, "logs": self.logs_where}.get(name)
        return f"(SELECT * FROM {self.rows} WHERE {where})" if where else self.rows


NATIVE: Final = Shape(
    native=True,
    rows="data_trace",
    calls_where="kind = 'call'",
    values_where="kind = 'value'",
    logs_where="kind = 'log'",
)


def shape(connection: sqlite3.Connection, path: Path) -> Shape:
    """The shape of the log that `connection` has open.

    Raises:
        NotALog: there is no table data_trace, or it lacks canonical columns.
    """
    columns = [row[1] for row in connection.execute("PRAGMA table_xinfo(data_trace)")]
    if not columns:
        message = f"{path} has no table data_trace."
        raise NotALog(message, "Point OBS_LOG or --log at a trace log, or record one: python -m obs_core demo")
    if set(columns) >= set(COLUMNS) and _is_strict(connection):
        return NATIVE
    known = {_plain(column): column for column in columns}
    known |= {ours: known[theirs] for theirs, ours in _ALIASES.items() if theirs in known and ours not in known}
    if lacking := [name for name, column in CANONICAL.items() if column not in known]:
        message = f"The table data_trace in {path} has no column {', '.join(lacking)}."
        raise NotALog(message, f"A trace log has the columns {', '.join(CANONICAL)}.")
    return _mapped(connection, known)


def _mapped(connection: sqlite3.Connection, known: dict[str, str]) -> Shape:
    """The shape of a log with other columns than ours."""
    quoted = {ours: _quoted(theirs) for ours, theirs in known.items()}
    expressions = {column: _expression(column, quoted) for column in COLUMNS}
    expressions["id"] = _id(connection, quoted)
    expressions["timestamp"] = _moment(quoted["timestamp"])
    listed = ", ".join(f"{expression} AS {column}" for column, expression in expressions.items())
    timed = {"duration_ns"} if known.keys() & {"duration_ms", "duration_s"} else set()
    given = known.keys() | timed
    lost = [sentence.format(" and ".join(_told(names, given))) for names, sentence in _LOST if _told(names, given)]
    rows = f"(SELECT {listed} FROM data_trace)"
    unread = f"SELECT count(*) FROM (SELECT timestamp FROM {rows} LIMIT {_SAMPLE}) WHERE timestamp IS NULL"
    if connection.execute(unread).fetchone()[0]:
        lost.append("Some rows have a time that can't be read; they are in no window.")
    has_kind = "kind" in known
    return Shape(
        native=False,
        rows=rows,
        calls_where="kind = 'call'" if has_kind else "1",
        values_where="kind = 'value'" if has_kind else "data_value <> ''",
        logs_where="kind = 'log'" if has_kind else "0",
        missing=tuple(lost),
    )


def _told(names: tuple[str, ...], given: set[str]) -> list[str]:
    return [name for name in names if name not in given]


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _expression(column: str, known: dict[str, str]) -> str:
    """SQL for `column` of ours over the columns that are there."""
    cell = known.get(column)
    if column == "status":
        return _status(known["status"], known["exception"])
    if column == "duration_ns" and not cell:
        for name, factor in (("duration_ms", "1e6"), ("duration_s", "1e9")):
            if name in known:
                return _whole(known[name], factor)
    if not cell:
        return "NULL"
    return _whole(cell) if column in WHOLE else _text(cell)


def _is_number(cell: str) -> str:
    return f"typeof({cell}) IN ('integer', 'real')"


def _whole(cell: str, factor: str = "1") -> str:
    """`cell` times `factor` as a whole number; NULL where it is no number, or one that 64 bits can't hold."""
    if factor == "1":
        rounded = f"CASE typeof({cell}) WHEN 'integer' THEN {cell} ELSE CAST(round({cell}) AS INTEGER) END"
        fits = f"typeof({cell}) = 'integer' OR (typeof({cell}) = 'real' AND abs({cell}) < {_FURTHEST})"
        return f"CASE WHEN {fits} THEN {rounded} END"
    fits = f"{_is_number(cell)} AND abs({cell} * {factor}) < {_FURTHEST}"
    return f"CASE WHEN {fits} THEN CAST(round({cell} * {factor}) AS INTEGER) END"


def _text(cell: str) -> str:
    """`cell` as text; a number keeps all its digits (SQLite's own conversion keeps 15)."""
    short = f"CAST({cell} AS TEXT)"
    exact = f"CASE WHEN CAST({short} AS REAL) = {cell} THEN {short} ELSE printf('%!.17g', {cell}) END"
    return f"CASE typeof({cell}) WHEN 'real' THEN {exact} ELSE {short} END"


def _status(status: str, exception: str) -> str:
    """OK, ERROR or UNSET where the words are known; other words stay as they are."""
    word = f"upper(trim(CAST({status} AS TEXT)))"
    return (
        f"CASE WHEN {word} IN ('ERROR', 'ERR', 'FAILED', 'FAILURE', 'FAIL', 'EXCEPTION') THEN 'ERROR'"
        f" WHEN {word} IN ('OK', 'SUCCESS') THEN 'OK'"
        f" WHEN coalesce({word}, '') IN ('', 'UNSET') THEN"
        f" CASE WHEN coalesce({exception}, '') <> '' THEN 'ERROR' ELSE 'UNSET' END"
        f" ELSE CAST({status} AS TEXT) END"
    )


def _id(connection: sqlite3.Connection, known: dict[str, str]) -> str:
    """What names a row: SQLite's rowid (an INTEGER PRIMARY KEY is the same), else a numeric id or place."""
    kind, without_rowid, _ = _built(connection)
    if kind == "table" and not without_rowid:
        return next(name for name in ("rowid", "_rowid_", "oid") if f'"{name}"' not in known.values())
    if "id" in known:
        odd = f"SELECT 1 FROM data_trace WHERE typeof({known['id']}) <> 'integer' LIMIT 1"
        if not connection.execute(odd).fetchone():
            return known["id"]
    return "row_number() OVER ()"


def _is_strict(connection: sqlite3.Connection) -> bool:
    """Whether the table holds the types that its columns declare."""
    return bool(_built(connection)[2])


def _built(connection: sqlite3.Connection) -> tuple[str, int, int]:
    """What data_trace is (table, view …), whether it is WITHOUT ROWID, and whether it is STRICT."""
    asked = "SELECT type, wr, strict FROM pragma_table_list WHERE schema = 'main' AND lower(name) = 'data_trace'"
    found: tuple[str, int, int] = connection.execute(asked).fetchone()
    return found


def _is_digits(cell: str) -> str:
    return f"(typeof({cell}) = 'text' AND trim({cell}) GLOB '[0-9]*' AND trim({cell}) NOT GLOB '*[^0-9.]*')"


def _moment(cell: str) -> str:
    """`cell` in nanoseconds since 1970 UTC: a number, or ISO 8601 text (without a zone: UTC).

    A number's size tells its unit: s, ms, µs and ns of the years 1971 to 2261 lie a factor of 1000 apart.
    """
    number = f"(CASE typeof({cell}) WHEN 'text' THEN CAST({cell} AS NUMERIC) ELSE {cell} END)"
    size = f"abs(CAST({number} AS REAL))"
    unit = (
        f"CASE WHEN {size} < 9.2e9 THEN 1000000000 WHEN {size} < 9.2e12 THEN 1000000"
        f" WHEN {size} < 9.2e15 THEN 1000 ELSE 1 END"
    )
    whole = f"CAST({number} AS INTEGER)"
    numeric = f"{whole} * ({unit}) + CAST(round(({number} - {whole}) * ({unit})) AS INTEGER)"
    zone = (
        f"CASE WHEN length({cell}) <= 19 THEN '' WHEN substr({cell}, -6, 1) IN ('+', '-') THEN substr({cell}, -6)"
        f" WHEN substr({cell}, -5, 1) IN ('+', '-') THEN substr({cell}, -5, 3) || ':' || substr({cell}, -2) ELSE '' END"
    )
    seconds = f"CAST(strftime('%s', substr({cell}, 1, 19) || {zone}) AS INTEGER)"
    fraction = (
        f"CASE WHEN substr({cell}, 20, 1) IN ('.', ',')"
        f" THEN CAST(round(CAST('0.' || substr({cell}, 21, 9) AS REAL) * 1e9) AS INTEGER) ELSE 0 END"
    )
    return (
        f"CASE WHEN {_is_number(cell)} OR {_is_digits(cell)} THEN CASE WHEN {size} < {_FURTHEST} THEN {numeric} END"
        f" WHEN typeof({cell}) = 'text' THEN {seconds} * 1000000000 + {fraction} END"
    )

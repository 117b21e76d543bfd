"""The shape of a log: ours, or one that another program made, and the relations that make both look the same.

A log of ours is read as it is. Of any other SQLite file with a table (or view) `data_trace` and the seven canonical
columns, the other columns are mapped where they exist and are NULL where they don't; whatever type a cell has, it
comes out as text or a whole number. Without a column `kind`, each row counts as a call and, where Data Value is not
empty, also as a value.
"""

import re
import sqlite3
from collections import Counter
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
_UNITS: Final = ((100_000_000_000, 1_000_000_000), (100_000_000_000_000, 1_000_000), (100_000_000_000_000_000, 1_000))
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
    if set(columns) >= set(COLUMNS) and connection.execute("PRAGMA user_version").fetchone()[0]:
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
    expressions["timestamp"] = _moment(quoted["timestamp"], _unit(connection, quoted["timestamp"]))
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
                return f"CASE WHEN {_is_number(known[name])} THEN CAST(round({known[name]} * {factor}) AS INTEGER) END"
    if not cell:
        return "NULL"
    return f"CASE WHEN {_is_number(cell)} THEN CAST({cell} AS INTEGER) END" if column in WHOLE else _text(cell)


def _is_number(cell: str) -> str:
    return f"typeof({cell}) IN ('integer', 'real')"


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
    """What names a row: its column id where that is a number throughout, else SQLite's rowid, else its place."""
    if "id" in known:
        odd = f"SELECT 1 FROM data_trace WHERE typeof({known['id']}) <> 'integer' LIMIT 1"
        if not connection.execute(odd).fetchone():
            return known["id"]
    try:
        connection.execute("SELECT rowid FROM data_trace WHERE typeof(rowid) = 'integer' LIMIT 1").fetchone()
        is_table = connection.execute("SELECT type FROM sqlite_schema WHERE name = 'data_trace'").fetchone()
    except sqlite3.OperationalError:  # WITHOUT ROWID
        is_table = None
    return "rowid" if is_table and is_table[0] == "table" else "row_number() OVER ()"


def _unit(connection: sqlite3.Connection, cell: str) -> int:
    """Nanoseconds in one unit of the log's numeric times, judged by most of a sample: s, ms, µs or ns since 1970."""
    numeric = f"{_is_number(cell)} OR {_is_digits(cell)}"
    sample = connection.execute(f"SELECT abs(CAST({cell} AS REAL)) FROM data_trace WHERE {numeric} LIMIT {_SAMPLE}")
    units = Counter(next((unit for most, unit in _UNITS if size < most), 1) for (size,) in sample)
    return units.most_common(1)[0][0] if units else _UNITS[0][1]


def _is_digits(cell: str) -> str:
    return f"(typeof({cell}) = 'text' AND trim({cell}) GLOB '[0-9]*' AND trim({cell}) NOT GLOB '*[^0-9.]*')"


def _moment(cell: str, unit: int) -> str:
    """`cell` in nanoseconds since 1970 UTC: a number in `unit`, or ISO 8601 text (without a zone: UTC)."""
    number = f"(CASE typeof({cell}) WHEN 'text' THEN CAST({cell} AS NUMERIC) ELSE {cell} END)"
    whole = f"CAST({number} AS INTEGER)"
    numeric = f"{whole} * {unit} + CAST(round(({number} - {whole}) * {unit}) AS INTEGER)"
    zone = f"CASE WHEN length({cell}) > 19 AND substr({cell}, -6, 1) IN ('+', '-') THEN substr({cell}, -6) ELSE '' END"
    seconds = f"CAST(strftime('%s', substr({cell}, 1, 19) || {zone}) AS INTEGER)"
    fraction = (
        f"CASE WHEN substr({cell}, 20, 1) = '.'"
        f" THEN CAST(round(CAST('0.' || substr({cell}, 21, 9) AS REAL) * 1e9) AS INTEGER) ELSE 0 END"
    )
    in_range = f"abs(CAST({number} AS REAL)) < 9.2e18 / {unit}"
    return (
        f"CASE WHEN {_is_number(cell)} OR {_is_digits(cell)} THEN CASE WHEN {in_range} THEN {numeric} END"
        f" WHEN typeof({cell}) = 'text' THEN {seconds} * 1000000000 + {fraction} END"
    )

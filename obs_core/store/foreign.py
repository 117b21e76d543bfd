"""The shape of a log: SQL relations that make a log of this product and one of another program look the same.

A log of this product is read directly. In any other SQLite file with a table (or view) `data_trace` and the seven
canonical columns, the other columns are mapped where they exist and NULL where they don't. Every cell is converted to
text or a whole number; Process and Data are empty where they are NULL, and a time outside the years 1677 to 2262 is
replaced by the nearest one that 64 bits hold. Without a column `kind`, and where it is empty, a row counts as a call
and, if Data Value is not empty, also as a value.
"""

import re
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Final, get_args

from obs_core.clock import FIRST_NS, LAST_NS
from obs_core.errors import NotALog
from obs_core.model import CANONICAL, Kind, Row, Status

INTEGER_COLUMNS: Final = frozenset({"id", "timestamp", "duration_ns", "memory_delta", "code_id", "run_id"})
"""The columns of the log that hold integers; all others hold text."""

COLUMNS: Final = ("id", *Row._fields)
_ALIASES: Final = {"group": "process_group", "parent_id": "parent_span_id", "duration": "duration_ms"}
_WITHOUT: Final = (
    (("trace_id", "span_id", "parent_span_id"), "It has no {}: rows are not part of a trace tree."),
    (("process_group",), "It has no process group: groups and the group filter are empty."),
    (("duration_ns",), "It has no durations: there are no percentiles."),
    (("function",), "It has no function names: the Data column is used instead."),
    (("memory_delta",), "It has no memory figures."),
    (("code_id",), "It has no recorded source."),
)
_MAX_NS: Final = "9.2e18"  # a little less than 64 bits hold: the year 2261
_NOT_NULL: Final = frozenset({"kind", "process", "data", "timestamp", "status"})
_SAMPLE: Final = 1_000
_NUMBERED: Final = "row_number() OVER ()"


@dataclass(frozen=True, slots=True)
class Shape:
    """How to read a log: `rows` is a SQLite table expression with the columns `COLUMNS`; the others filter it.

    `missing` has a sentence for each kind of information that the log does not have. `has_ids` says whether the ids of
    rows are stored: otherwise they are numbered as they are read, and nothing can refer to them.
    """

    native: bool
    rows: str
    calls_where: str
    values_where: str
    logs_where: str
    missing: tuple[str, ...] = ()
    has_ids: bool = True

    @property
    def superseded(self) -> str:
        """A table expression with the ids of rows that were replaced by others."""
        return "superseded" if self.native else "(SELECT 0 AS id WHERE 0)"

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
        NotALog: the table data_trace is missing, or lacks canonical columns.
    """
    described = connection.execute("SELECT name, type, \"notnull\" FROM pragma_table_xinfo('data_trace')").fetchall()
    if not described:
        message = f"{path} has no table data_trace."
        raise NotALog(message, "Point OBS_LOG or --log at a trace log, or record one: python -m obs_core demo")
    if _is_strict(connection) and _has_our_types(described):
        return NATIVE
    columns = [row[0] for row in described]
    known = {_plain(column): column for column in columns}
    known |= {ours: known[theirs] for theirs, ours in _ALIASES.items() if theirs in known and ours not in known}
    if lacking := [name for name, column in CANONICAL.items() if column not in known]:
        message = f"The table data_trace in {path} has no column {', '.join(lacking)}."
        raise NotALog(message, f"A trace log has the columns {', '.join(CANONICAL)}.")
    return _mapped(connection, known)


def completed(row: Row) -> Row:
    """A row of a log that another program made, with defaults for missing required values."""
    status = row.status if row.status in get_args(Status) else "UNSET"
    kind = row.kind if row.kind in get_args(Kind) else None
    if kind is None:  # the same rule as for a CSV file without a kind
        kind = "call" if status == "ERROR" or row.exception else "value"
    return row._replace(kind=kind, status=status, process=row.process or "", data=row.data or "")


def _mapped(connection: sqlite3.Connection, known: dict[str, str]) -> Shape:
    """The shape of a log with other columns than this product's."""
    quoted = {ours: _quoted(theirs) for ours, theirs in known.items()}
    expressions = {column: _expression(column, quoted) for column in COLUMNS}
    expressions["id"] = _id(connection, quoted)
    expressions["timestamp"] = _time_ns(quoted["timestamp"])
    expressions |= {name: f"coalesce({expressions[name]}, '')" for name in ("process", "data")}
    if has_kind := "kind" in known:
        expressions["kind"] = f"nullif({expressions['kind']}, '')"
    selected = ", ".join(f"{expression} AS {column}" for column, expression in expressions.items())
    available = known.keys() | ({"duration_ns"} if known.keys() & {"duration_ms", "duration_s"} else set())
    lacking = ((sentence, [name for name in names if name not in available]) for names, sentence in _WITHOUT)
    missing = [sentence.format(" and ".join(names)) for sentence, names in lacking if names]
    rows = f"(SELECT {selected} FROM data_trace)"
    unread = f"SELECT count(*) FROM (SELECT timestamp FROM {rows} LIMIT {_SAMPLE}) WHERE timestamp IS NULL"
    if connection.execute(unread).fetchone()[0]:
        missing.append("Some rows have a time that can't be read; they are not in any time range.")
    return Shape(
        native=False,
        rows=rows,
        calls_where="coalesce(kind, 'call') = 'call'" if has_kind else "1",
        values_where="(kind = 'value' OR (kind IS NULL AND data_value <> ''))" if has_kind else "data_value <> ''",
        logs_where="kind = 'log'" if has_kind else "0",
        missing=tuple(missing),
        has_ids=expressions["id"] != _NUMBERED,
    )


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _expression(column: str, known: dict[str, str]) -> str:
    """SQL for the log's column `column` over the columns that exist."""
    cell = known.get(column)
    if column == "status":
        return _status(known["status"], known["exception"])
    if column == "duration_ns" and not cell:
        for name, factor in (("duration_ms", "1e6"), ("duration_s", "1e9")):
            if name in known:
                return _integer(known[name], factor)
    if not cell:
        return "NULL"
    return _integer(cell) if column in INTEGER_COLUMNS else _text(cell)


def _is_number(cell: str) -> str:
    return f"typeof({cell}) IN ('integer', 'real')"


def _integer(cell: str, factor: str = "1") -> str:
    """`cell` times `factor` as an integer; NULL if it is not a number or does not fit 64 bits."""
    if factor == "1":
        rounded = f"CASE typeof({cell}) WHEN 'integer' THEN {cell} ELSE CAST(round({cell}) AS INTEGER) END"
        fits = f"typeof({cell}) = 'integer' OR (typeof({cell}) = 'real' AND abs({cell}) < {_MAX_NS})"
        return f"CASE WHEN {fits} THEN {rounded} END"
    fits = f"{_is_number(cell)} AND abs({cell} * {factor}) < {_MAX_NS}"
    return f"CASE WHEN {fits} THEN CAST(round({cell} * {factor}) AS INTEGER) END"


def _text(cell: str) -> str:
    """`cell` as text; a number keeps all its digits (SQLite's own conversion keeps only 15)."""
    short = f"CAST({cell} AS TEXT)"
    exact = f"CASE WHEN CAST({short} AS REAL) = {cell} THEN {short} ELSE printf('%!.17g', {cell}) END"
    return f"CASE typeof({cell}) WHEN 'real' THEN {exact} ELSE {short} END"


def _status(status: str, exception: str) -> str:
    """OK, ERROR or UNSET for the texts known here; other texts are not changed."""
    text = f"upper(trim(CAST({status} AS TEXT)))"
    return (
        f"CASE WHEN {text} IN ('ERROR', 'ERR', 'FAILED', 'FAILURE', 'FAIL', 'EXCEPTION') THEN 'ERROR'"
        f" WHEN {text} IN ('OK', 'SUCCESS') THEN 'OK'"
        f" WHEN coalesce({text}, '') IN ('', 'UNSET') THEN"
        f" CASE WHEN coalesce({exception}, '') <> '' THEN 'ERROR' ELSE 'UNSET' END"
        f" ELSE CAST({status} AS TEXT) END"
    )


def _id(connection: sqlite3.Connection, known: dict[str, str]) -> str:
    """The id of a row: SQLite's rowid (an INTEGER PRIMARY KEY is the same), an integer column id, or its number."""
    kind, without_rowid, _ = _table_type(connection)
    if kind == "table" and not without_rowid:
        return next(name for name in ("rowid", "_rowid_", "oid") if f'"{name}"' not in known.values())
    if "id" in known:
        not_integer = f"SELECT 1 FROM data_trace WHERE typeof({known['id']}) <> 'integer' LIMIT 1"
        if not connection.execute(not_integer).fetchone():
            return f"CAST({known['id']} AS INTEGER)"  # a row that comes later may have something else
    return _NUMBERED


def _has_our_types(described: list[tuple[str, str, int]]) -> bool:
    """Whether the columns (name, type, NOT NULL) are those of our schema, so that a strict table has no odd cell."""
    types = {name: (declared.upper(), bool(not_null)) for name, declared, not_null in described}
    return all(
        types.get(name, ("", False))[0] == ("INTEGER" if name in INTEGER_COLUMNS else "TEXT")
        and (name not in _NOT_NULL or types[name][1])
        for name in COLUMNS
    )


def _is_strict(connection: sqlite3.Connection) -> bool:
    """Whether the table enforces the types that its columns declare."""
    return bool(_table_type(connection)[2])


def _table_type(connection: sqlite3.Connection) -> tuple[str, int, int]:
    """The type of data_trace (table, view …), whether it is WITHOUT ROWID, and whether it is STRICT."""
    statement = "SELECT type, wr, strict FROM pragma_table_list WHERE schema = 'main' AND lower(name) = 'data_trace'"
    table_type: tuple[str, int, int] = connection.execute(statement).fetchone()
    return table_type


def _is_digits(cell: str) -> str:
    return f"(typeof({cell}) = 'text' AND trim({cell}) GLOB '[0-9]*' AND trim({cell}) NOT GLOB '*[^0-9.]*')"


def _time_ns(cell: str) -> str:
    """`cell` in nanoseconds since 1970 UTC: a number, or ISO 8601 text (without a zone: UTC).

    The unit of a number follows from its size: s, ms, µs and ns of the years 1971 to 2261 are a factor of 1000 apart.
    What is beyond the range of 64 bits becomes its bound: SQLite's CAST to INTEGER saturates, and a product or sum that
    overflows is a REAL.
    """
    number = f"(CASE typeof({cell}) WHEN 'text' THEN CAST({cell} AS NUMERIC) ELSE {cell} END)"
    size = f"abs(CAST({number} AS REAL))"
    unit = (
        f"CASE WHEN {size} < 9.2e9 THEN 1000000000 WHEN {size} < 9.2e12 THEN 1000000"
        f" WHEN {size} < 9.2e15 THEN 1000 ELSE 1 END"
    )
    integer = f"CAST({number} AS INTEGER)"
    numeric = f"{integer} * ({unit}) + CAST(round(({number} - {integer}) * ({unit})) AS INTEGER)"
    zone = (
        f"CASE WHEN length({cell}) <= 19 THEN '' WHEN substr({cell}, -6, 1) IN ('+', '-') THEN substr({cell}, -6)"
        f" WHEN substr({cell}, -5, 1) IN ('+', '-') THEN substr({cell}, -5, 3) || ':' || substr({cell}, -2) ELSE '' END"
    )
    seconds = f"CAST(strftime('%s', substr({cell}, 1, 19) || {zone}) AS INTEGER)"
    fraction = (
        f"CASE WHEN substr({cell}, 20, 1) IN ('.', ',')"
        f" THEN CAST(round(CAST('0.' || substr({cell}, 21, 9) AS REAL) * 1e9) AS INTEGER) ELSE 0 END"
    )
    time_ns = (
        f"CASE WHEN {_is_number(cell)} OR {_is_digits(cell)}"
        f" THEN CASE WHEN {size} < {_MAX_NS} THEN {numeric} ELSE {integer} END"
        f" WHEN typeof({cell}) = 'text' THEN {seconds} * 1000000000 + {fraction} END"
    )
    return f"min({LAST_NS}, max({FIRST_NS}, {time_ns}))"

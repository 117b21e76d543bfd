"""How an analytical question reaches the log. Nobody else knows.

The scanner pushes no WHERE, ORDER BY or LIMIT into SQLite: a plain scan reads every row of the columns it names, so its
cost is the log's length. `sqlite_query` runs inside SQLite with its indexes, but hands every cell over as text, at
about twice the time per row. So the plain scan is taken when the window holds more than `MOST_OF_IT` of the log.
Logs that other programs made are always read inside SQLite, whose own types their cells have.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from obs_core.clock import Window
from obs_core.query.engine import mirror, search_text
from obs_core.query.engine.sql_file import SqlFile
from obs_core.store.foreign import INTEGER_COLUMNS, Shape

Way = Literal["scan", "sqlite_query", "sqlite_query in hex", "mirror"]

MOST_OF_IT: Final = 0.4
_PARAMETER: Final = re.compile(r"\$(\w+)")
_FLAG: Final = {"calls": "is_call", "values": "is_value", "logs": "is_log"}
_NAME: Final = {"values": "values_"}

# Text that is pure ASCII goes as it is, marked `=`; all other goes in hex, marked `x`. GLOB stops at a NUL, and only
# then (or where there are bytes above ASCII) is a text longer in bytes than in characters.
_MARKED: Final = (
    "CASE WHEN {cell} IS NULL THEN NULL"
    " WHEN length({cell}) = length(CAST({cell} AS BLOB))"
    " AND {cell} NOT GLOB '*[^' || char(1) || '-' || char(127) || ']*' THEN '=' || {cell}"
    " ELSE 'x' || hex(CAST({cell} AS BLOB)) END"
)
_UNMARKED: Final = "CASE left({cell}, 1) WHEN '=' THEN substr({cell}, 2) WHEN 'x' THEN mended(substr({cell}, 2)) END"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a worker is asked: the statement, its parameters, and the way it goes."""

    statement: str
    parameters: dict[str, Any]
    way: Way


def plan(
    question: SqlFile,
    shape: Shape,
    window: Window,
    parameters: Mapping[str, object],
    *,
    share: float,
    most: int | None,
    mended: bool = False,
) -> Plan:
    """How to ask `question` of the rows in `window`; `share` is the part of the log that the window holds, 0 to 1.

    At most `most` rows are answered. `mended` reads text in a way that survives what is not UTF-8.
    """
    scans = shape.native and share > MOST_OF_IT and not set(_columns(question)) & set(search_text.COLUMNS)
    way: Way = "sqlite_query in hex" if mended else "scan" if scans else "sqlite_query"
    grouped = parameters.get("group") is not None
    source = (
        _scanned(question, shape, grouped=grouped)
        if way == "scan"
        else _queried(question, shape, grouped=grouped, mended=mended, most_of_it=share > MOST_OF_IT)
    )
    limit = "" if most is None else f" LIMIT {most}"
    relations = _relations(question)
    statement = f"WITH {source}{relations} SELECT * FROM (\n{question.statement}\n){limit}"
    return Plan(statement, _used(statement, window, parameters), way)


def mirrored(
    question: SqlFile, shape: Shape, window: Window, parameters: Mapping[str, object], most: int | None
) -> Plan | None:
    """How to ask `question` of the worker's mirror; None where that does not hold enough."""
    if not shape.native or question.returns.keys() & set(mirror.IDS):
        return None
    if any(not mirror.holds(relation, columns) for relation, columns in question.reads.items()):
        return None
    source = _scanned(question, shape, grouped=parameters.get("group") is not None, table=mirror.TABLE)
    limit = "" if most is None else f" LIMIT {most}"
    statement = f"WITH {source}{_relations(question)} SELECT * FROM (\n{question.statement}\n){limit}"
    statement = statement.replace(" AS MATERIALIZED (SELECT", " AS NOT MATERIALIZED (SELECT")
    return Plan(statement, _used(statement, window, parameters), "mirror")


def _used(statement: str, window: Window, parameters: Mapping[str, object]) -> dict[str, Any]:
    """Those of the parameters that the statement names."""
    used = set(_PARAMETER.findall(statement))
    named = {"from_ns": window.from_ns, "to_ns": window.to_ns, **parameters}
    return {name: value for name, value in named.items() if name in used}


def _columns(question: SqlFile) -> list[str]:
    """The columns of the log that the question reads, each once."""
    return list(dict.fromkeys(column for columns in question.reads.values() for column in columns))


def _flags(question: SqlFile, shape: Shape) -> list[str]:
    """Which relations a row belongs to, as far as the question asks."""
    where = {"calls": shape.calls_where, "values": shape.values_where, "logs": shape.logs_where}
    return [f"({where[name]}) AS {_FLAG[name]}" for name in question.reads if name in where]


def _scanned(question: SqlFile, shape: Shape, *, grouped: bool, table: str = "log.data_trace") -> str:
    """All rows through the scanner; DuckDB keeps those of the window."""
    hashed = () if table == mirror.TABLE else _hashed(question)
    columns = [
        f'{mirror.hashed(column)} AS "{column}"' if column in hashed else f'"{column}"' for column in _columns(question)
    ]
    listed = ", ".join([*columns, *_flags(question, shape)])
    group = " AND process_group = $group" if grouped else ""
    window = f"timestamp >= $from_ns AND timestamp < $to_ns{group}"
    return f"{_base(question)} (SELECT {listed} FROM {table} WHERE {window})"


def _queried(question: SqlFile, shape: Shape, *, grouped: bool, mended: bool, most_of_it: bool) -> str:
    """The window's rows through SQLite and its index (unless they are most of a log of ours), cast to their types."""
    columns = _columns(question)
    asked = [_asked(name, mended=mended) for name in columns]
    inner = (
        f"SELECT {', '.join([*asked, *_flags(question, shape)])}"
        f" FROM {shape.rows}{' NOT INDEXED' if most_of_it and shape.native else ''}"
        f" WHERE timestamp >= ? AND timestamp < ?{' AND process_group = ?' if grouped else ''}"
    )
    bound = f"row($from_ns::BIGINT, $to_ns::BIGINT{', $group::VARCHAR' if grouped else ''})"
    hashed = _hashed(question)
    cast = [
        f'{mirror.hashed(column) if column in hashed else _cast(column, mended)} AS "{column}"' for column in columns
    ]
    flags = [f"{_FLAG[name]}::VARCHAR = '1' AS {_FLAG[name]}" for name in question.reads if name in _FLAG]
    quoted = inner.replace("'", "''")
    source = f"sqlite_query('log', '{quoted}', params := {bound})"
    return f"{_base(question)} (SELECT {', '.join([*cast, *flags])} FROM {source})"


def _hashed(question: SqlFile) -> frozenset[str]:
    """The ids that the question only compares: as hashes, a million calls and their parents fit into memory."""
    return frozenset() if question.returns.keys() & set(mirror.IDS) else frozenset(mirror.IDS)


def _asked(column: str, *, mended: bool) -> str:
    """What SQLite hands over as this column."""
    if column in search_text.COLUMNS:
        return f'{search_text.folded(column)} AS "{column}"'
    return (
        f'{_MARKED.format(cell=chr(34) + column + chr(34))} AS "{column}"'
        if mended and column not in INTEGER_COLUMNS
        else f'"{column}"'
    )


def _cast(column: str, mended: bool) -> str:  # noqa: FBT001
    """The text that `sqlite_query` hands over, as what it was."""
    if column in INTEGER_COLUMNS:
        return f'TRY_CAST("{column}" AS BIGINT)'
    text = f'"{column}"::VARCHAR'
    return _UNMARKED.format(cell=text) if mended and column not in search_text.COLUMNS else text


def _relations(question: SqlFile) -> str:
    """The relations that the question reads, each with its own columns, over `base`."""
    found = ""
    for name, columns in question.reads.items():
        listed = ", ".join(f'"{column}"' for column in columns)
        where = f" WHERE {_FLAG[name]}" if name in _FLAG else ""
        relation = _NAME.get(name, name)
        found += f", {relation} {_once(_uses(question, relation))} (SELECT {listed} FROM base{where})"
    return found


def _base(question: SqlFile) -> str:
    return f"base {_once(len(question.reads))}"


def _once(uses: int) -> str:
    """How a common table expression is declared: DuckDB 1.5 fails when it copies one that holds a scan of SQLite."""
    return "AS MATERIALIZED" if uses > 1 else "AS NOT MATERIALIZED"


def _uses(question: SqlFile, relation: str) -> int:
    """How often the statement names `relation` as a table."""
    return len(re.findall(rf"(?:FROM|JOIN)\s+{relation}\b", question.statement, re.IGNORECASE))

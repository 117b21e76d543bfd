"""Decides how an analytical query reads the log. No other module knows about the access paths.

The scanner pushes no WHERE, ORDER BY or LIMIT into SQLite: a plain scan reads every row of the columns it names, so its
cost grows with the log. `sqlite_query` runs inside SQLite with its indexes, but returns every cell as text, at about
twice the time per row. So the plain scan is used if the window contains more than `FULL_SCAN_SHARE` of the log.
Logs that other programs made are always read inside SQLite, because their cells have SQLite's own types.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from obs_core.clock import Window
from obs_core.query.engine import long_cells, mirror, search_text
from obs_core.query.engine.protocol import STREAMED
from obs_core.query.engine.sql_file import SqlFile
from obs_core.scanner import MARKED, UNMARKED
from obs_core.store.foreign import INTEGER_COLUMNS, Shape

Way = Literal[
    "scan",
    "sqlite_query",
    "sqlite_query in hex",
    "mirror",
    "archive",
    "rollup",
    "lookup",
    "clickhouse",
    "streamed",
    "nothing",
]
Tail = Literal["mirror", "sqlite_query", "sqlite_query in hex"]

FULL_SCAN_SHARE: Final = 0.4
_PARAMETER: Final = re.compile(r"\$(\w+)")
_FLAG: Final = {"calls": "is_call", "values": "is_value", "logs": "is_log"}
_NAME: Final = {"values": "values_"}
KINDS: Final = {"call": "is_call", "value": "is_value", "log": "is_log"}
_OWN: Final = frozenset({"code_id", "run_id"})
"""Columns that only our own programs write."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A request to a worker: the statement, its parameters, and the access path that it uses.

    `partials` are parts of the answer that depend on files alone, which never change: the statements of tables that the
    worker keeps, by their names. They may have the parameter `group`.
    """

    statement: str
    parameters: dict[str, Any]
    way: Way
    partials: dict[str, str] = field(default_factory=dict)


def plan(
    file: SqlFile,
    shape: Shape,
    window: Window,
    parameters: Mapping[str, object],
    *,
    share: float,
    limit: int | None,
    repaired: bool = False,
    has_short_cells: bool = True,
) -> Plan:
    """How to run `file` on the rows in `window`; `share` is the part of the log in the window, 0 to 1.

    The answer has at most `limit` rows. Unless the log `has_short_cells`, SQLite reads it, and cuts long ones.
    `repaired` reads text in a form that tolerates invalid UTF-8.
    """
    folded = set(columns_of(file)) & set(search_text.COLUMNS)
    scans = shape.native and has_short_cells and share > FULL_SCAN_SHARE and not folded
    way: Way = "sqlite_query in hex" if repaired else "scan" if scans else "sqlite_query"
    grouped = parameters.get("group") is not None
    base = (
        scan(file, shape, grouped=grouped)
        if way == "scan"
        else sqlite_query(file, shape, grouped=grouped, repaired=repaired, indexed=share <= FULL_SCAN_SHARE)
    )
    statement = statement_over(base, file, limit)
    return Plan(statement, bound_parameters(statement, window, parameters), way)


def mirrored(
    file: SqlFile, shape: Shape, window: Window, parameters: Mapping[str, object], limit: int | None
) -> Plan | None:
    """How to run `file` on the worker's mirror; None if the mirror lacks a column."""
    if not shape.native or file.returns.keys() & set(mirror.IDS):
        return None
    if any(not mirror.holds(relation, columns) for relation, columns in file.reads.items()):
        return None
    base = scan(file, shape, grouped=parameters.get("group") is not None, table=mirror.TABLE)
    statement = statement_over(base, file, limit).replace(" AS MATERIALIZED (SELECT", " AS NOT MATERIALIZED (SELECT")
    return Plan(statement, bound_parameters(statement, window, parameters), "mirror")


def way_of_store(file: SqlFile, *, has_twin: bool) -> Way:
    """How a store answers `file`: by its twin; or a worker does, from streamed rows; `nothing` where it never has any.

    A store has no values, and nothing that only our own programs record.
    """
    if has_twin:
        return "clickhouse"
    if file.reach == "narrow" or file.reads.keys() == {"values"} or _OWN & set(columns_of(file)):
        return "nothing"
    return "streamed"


def streamed(file: SqlFile, window: Window, parameters: Mapping[str, object], limit: int | None) -> Plan:
    """How to run `file` on rows that come with the request."""
    flags = [_FLAG[name] for name in file.reads if name in _FLAG]
    selected = ", ".join([*(f'"{column}"' for column in columns_of(file)), *flags])
    statement = statement_over(f"{_base(file)} (SELECT {selected} FROM {STREAMED})", file, limit)
    return Plan(statement, bound_parameters(statement, window, parameters), "streamed")


def statement_over(base: str, file: SqlFile, limit: int | None) -> str:
    """The query's statement over its relations."""
    end = "" if limit is None else f" LIMIT {limit}"
    return f"WITH {base}{_relations(file)} SELECT * FROM (\n{file.statement}\n){end}"


def bound_parameters(statement: str, window: Window, parameters: Mapping[str, object]) -> dict[str, Any]:
    """The parameters that the statement names."""
    used = set(_PARAMETER.findall(statement))
    named = {"from_ns": window.from_ns, "to_ns": window.to_ns, **parameters}
    return {name: value for name, value in named.items() if name in used}


def columns_of(file: SqlFile) -> list[str]:
    """The columns of the log that the query reads, without duplicates."""
    return list(dict.fromkeys(column for columns in file.reads.values() for column in columns))


def flags_of(file: SqlFile, shape: Shape) -> list[str]:
    """SQL for the relations that a row belongs to, as far as the query reads them."""
    where = {"calls": shape.calls_where, "values": shape.values_where, "logs": shape.logs_where}
    return [f"({where[name]}) AS {_FLAG[name]}" for name in file.reads if name in where]


def scan(file: SqlFile, shape: Shape, *, grouped: bool, table: str = "log.data_trace") -> str:
    """All rows through the scanner; DuckDB filters by the window."""
    hashed = () if table == mirror.TABLE else hashed_columns(file)
    columns = [
        f'{mirror.hashed(column)} AS "{column}"' if column in hashed else f'"{column}"' for column in columns_of(file)
    ]
    selected = ", ".join([*columns, *flags_of(file, shape)])
    group = " AND process_group = $group" if grouped else ""
    window = f"timestamp >= $from_ns AND timestamp < $to_ns{group}"
    return f"{_base(file)} (SELECT {selected} FROM {table} WHERE {window})"


def sqlite_query(
    file: SqlFile,
    shape: Shape,
    *,
    grouped: bool,
    repaired: bool,
    indexed: bool,
    newer: bool = False,
    of_newer_traces: bool = False,
) -> str:
    """The window's rows through SQLite, cast to their types; a log of ours is read by its index if `indexed`.

    With `newer` only the rows with an id above `$until_id`, with `of_newer_traces` those of traces with calls there.
    """
    columns = columns_of(file)
    selected = [_selected(name, repaired=repaired) for name in columns]
    inner = (
        f"SELECT {', '.join([*selected, *flags_of(file, shape)])}"
        f" FROM {shape.rows}{' NOT INDEXED' if shape.native and not indexed else ''}"
        f" WHERE timestamp >= ? AND timestamp < ?{' AND process_group = ?' if grouped else ''}"
        f"{' AND id > ?' if newer else ''}"
    )
    if of_newer_traces:
        newer, traces = True, "SELECT trace_id FROM data_trace WHERE id > ? AND kind = 'call'"
        inner = inner.replace(" timestamp ", " +timestamp ") + f" AND trace_id IN ({traces})"
    bound = (
        f"row($from_ns::BIGINT, $to_ns::BIGINT{', $group::VARCHAR' if grouped else ''}"
        f"{', $until_id::BIGINT' if newer else ''})"
    )
    hashed = hashed_columns(file)
    cast = [f'{_cast(column, repaired, is_hashed=column in hashed)} AS "{column}"' for column in columns]
    flags = [f"{_FLAG[name]}::VARCHAR = '1' AS {_FLAG[name]}" for name in file.reads if name in _FLAG]
    quoted = inner.replace("'", "''")
    source = f"sqlite_query('log', '{quoted}', params := {bound})"
    return f"{_base(file)} (SELECT {', '.join([*cast, *flags])} FROM {source})"


def hashed_columns(file: SqlFile) -> frozenset[str]:
    """The ids that the query only compares: as hashes, a million calls and their parents fit into memory."""
    return frozenset() if file.returns.keys() & set(mirror.IDS) else frozenset(mirror.IDS)


def _selected(column: str, *, repaired: bool) -> str:
    """What SQLite returns for this column."""
    if column in search_text.COLUMNS:
        return f'{search_text.folded(column)} AS "{column}"'
    if column in INTEGER_COLUMNS:
        return f'"{column}"'
    cell = long_cells.analysed(column)
    return f'{MARKED.format(cell=f"({cell})") if repaired else cell} AS "{column}"'


def _cast(column: str, repaired: bool, *, is_hashed: bool) -> str:  # noqa: FBT001
    """The text that `sqlite_query` returns, in the column's own type; or its hash, equal on every access path."""
    if is_hashed and not repaired:
        return mirror.hashed(column)
    if is_hashed:
        return f'CASE WHEN "{column}" IS NOT NULL THEN hash({_cast(column, repaired, is_hashed=False)}) END'
    if column in INTEGER_COLUMNS:
        return f'TRY_CAST("{column}" AS BIGINT)'
    text = f'"{column}"::VARCHAR'
    return UNMARKED.format(cell=text) if repaired and column not in search_text.COLUMNS else text


def _relations(file: SqlFile) -> str:
    """The relations that the query reads, each with its own columns, over `base`."""
    relations = ""
    for name, columns in file.reads.items():
        selected = ", ".join(f'"{column}"' for column in columns)
        where = f" WHERE {_FLAG[name]}" if name in _FLAG else ""
        relation = _NAME.get(name, name)
        relations += f", {relation} {_declared(_uses(file, relation))} (SELECT {selected} FROM base{where})"
    return relations


def _base(file: SqlFile) -> str:
    return f"base {_declared(len(file.reads))}"


def _declared(uses: int) -> str:
    """How a common table expression is declared: DuckDB 1.5 fails if it copies one that contains a scan of SQLite."""
    return "AS MATERIALIZED" if uses > 1 else "AS NOT MATERIALIZED"


def _uses(file: SqlFile, relation: str) -> int:
    """How often the statement reads from `relation`."""
    return len(re.findall(rf"(?:FROM|JOIN)\s+{relation}\b", file.statement, re.IGNORECASE))

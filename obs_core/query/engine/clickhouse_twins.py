"""The twins of SQL files for ClickHouse: `query/sql/<subject>/<name>.clickhouse.sql`, written by hand.

A twin has a line that says what it is, and one statement in ClickHouse's SQL over `calls`, `logs` and `rows_`
(`clickhouse_rows`), with the same answer as the statement of its file. Its parameters are `{name:Type}`, which the
server binds. `{where}` is replaced by the conditions of a row filter (`filters.clickhouse_where`).

Fragments: `{function_name}` and `{alias.function_name}`, as in other SQL files; `{cut(column)}`, a text of at most
`longest` characters; `{sort_key}`, what a page is sorted by; `{slice}`, the slice of a call's time; `{exception_type}`,
the type in `Type: message`, or empty; `{children_time}`, the common table expressions that self time needs: they read
`calls` and `mine`, and `covered` has for each of `mine` with timed children the union of their intervals
(trace_id, span_id, covered_ns).
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

from obs_core.query.engine import fragments
from obs_core.query.engine.clickhouse_rows import ALL_COLUMNS

SUFFIX: Final = ".clickhouse.sql"
_PARAMETER: Final = re.compile(r"\{(\w+):([A-Za-z0-9]+(?:\([A-Za-z0-9]+\))?)\}")
_NAME: Final = re.compile(r"\w+")
_FUNCTION_NAME: Final = re.compile(r"\{(?:(\w+)\.)?function_name\}")
_CUT: Final = re.compile(r"\{cut\((\w+)\)\}")
_CUT_SQL: Final = r"if(length(\1) > {longest:Int64}, substringUTF8(\1, 1, {longest:Int64}), \1) AS \1"
_SLICE: Final = "intDiv(timestamp, {step_ns:Int64}) - (timestamp % {step_ns:Int64} < 0) - {first:Int64}"
_EXCEPTION_TYPE: Final = (
    "extract(ifNull(substringUTF8(exception, 1, 500), ''),"
    r" '^([A-Za-z_$][\\p{L}\\p{N}_$]*(?:\\.[A-Za-z_$][\\p{L}\\p{N}_$]*)*)(?::|$)')"
)
_BY_NUMBER: Final = {
    "time": "timestamp",
    "status": "multiIf(status = 'ERROR', 2, status = 'UNSET', 1, 0)",
    "duration": "ifNull(duration_ns, if({descending:Bool}, -toInt64(9223372036854775807), 9223372036854775807))",
}
_LAST: Final = "\U0010ffff"

# A child's interval is clipped to its parent and counted from its start, as in `fragments`.
_CHILDREN_TIME: Final = """spent AS (
    SELECT
        parent.trace_id AS trace_id, parent.span_id AS span_id,
        least(greatest(child.timestamp - parent.timestamp, 0), assumeNotNull(parent.duration_ns)) AS start_ns,
        greatest(
            least(
                child.timestamp - parent.timestamp + assumeNotNull(child.duration_ns),
                assumeNotNull(parent.duration_ns)
            ),
            0
        ) AS end_ns
    FROM calls AS child
    JOIN mine AS parent ON parent.trace_id = child.trace_id AND parent.span_id = child.parent_span_id
    WHERE child.duration_ns IS NOT NULL AND parent.duration_ns > 0 AND child.id <> parent.id
),
reached AS (
    SELECT
        trace_id, span_id, start_ns, end_ns,
        max(end_ns) OVER (
            PARTITION BY trace_id, span_id ORDER BY start_ns ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS before_ns
    FROM spent
),
covered AS (
    SELECT trace_id, span_id, sum(greatest(end_ns - greatest(start_ns, ifNull(before_ns, 0)), 0)) AS covered_ns
    FROM reached
    GROUP BY trace_id, span_id
)"""


@dataclass(frozen=True, slots=True)
class Bound:
    """A statement with the values of its parameters."""

    statement: str
    parameters: dict[str, Any]


@cache
def twin(query_name: str) -> str | None:
    """The statement of the twin of the SQL file named `<subject>/<name>`; None if it has none."""
    file = resources.files("obs_core.query").joinpath("sql", f"{query_name}{SUFFIX}")
    if not file.is_file():
        return None
    lines = file.read_text("utf-8").splitlines()
    return "\n".join(line for line in lines if not line.startswith("--")).strip()


def expanded(twin_sql: str, parameters: Mapping[str, Any], *, where_sql: str = "1") -> str:
    """The twin with its conditions and fragments in place."""
    return _expanded(twin_sql.replace("{where}", where_sql), parameters)


def columns_in(text: str) -> list[str]:
    """The columns of the relations that a statement names: the server need not resolve the others."""
    names = set(_NAME.findall(text))
    return [column for column in ALL_COLUMNS if column in names]


def bound(text: str, relations: str, parameters: Mapping[str, Any], *, limit: int | None = None) -> Bound:
    """An expanded twin over `relations`, as a statement that can be run; its answer has at most `limit` rows.

    A parameter that is a list may be given as JSON text.
    """
    text = f"WITH {relations}, {text[5:]}" if text.startswith("WITH ") else f"WITH {relations}\n{text}"
    if limit is not None and "LIMIT" not in text.rpartition("\n")[2]:
        text += f"\nLIMIT {limit}"
    types = dict(_PARAMETER.findall(text))
    return Bound(text, {name: _value(parameters[name], kind) for name, kind in types.items()})


def _expanded(text: str, parameters: Mapping[str, Any]) -> str:
    text = (
        text.replace("{children_time}", _CHILDREN_TIME)
        .replace("{slice}", _SLICE)
        .replace("{exception_type}", _EXCEPTION_TYPE)
    )
    if "{sort_key}" in text:
        sort, descending = str(parameters["sort"]), bool(parameters["descending"])
        is_number = sort in _BY_NUMBER
        last = "" if descending else _LAST
        key = _BY_NUMBER.get(sort, f"ifNull(nullIf(substringUTF8({sort}, 1, 200), ''), '{last}')")
        text = text.replace("{sort_key}", f"{key} AS sort_key")
        text = text.replace("{after_key}", f"{{after_key:Nullable({'Int64' if is_number else 'String'})}}")
        text = text.replace("{order}", "DESC" if descending else "ASC").replace("{beyond}", "<" if descending else ">")
    text = _CUT.sub(_CUT_SQL, text)
    return _FUNCTION_NAME.sub(lambda match: fragments.function_name(match[1] or ""), text)


def _value(value: Any, kind: str) -> Any:  # noqa: ANN401 - whatever the type says
    """The value as the server's type `kind` has it."""
    if kind.startswith("Array"):
        return listed(value)
    return bool(value) if kind == "Bool" else value


def listed(value: Any) -> list[Any]:  # noqa: ANN401 - a list, or one in JSON
    """The items of a parameter that is a list."""
    items = json.loads(value) if isinstance(value, str) else list(value)
    return items if isinstance(items, list) else []

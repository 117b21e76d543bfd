"""The statements of narrow queries over the log's rows and, in a temporary table, those that left the log."""

import re
from collections.abc import Callable
from typing import Final

from obs_core.store.foreign import COLUMNS

TABLE: Final = "temp.archived"
_JOINED: Final = {
    "{rows} AS r ON r.id = first.id": "id IN (SELECT id FROM first)",
    "{rows} AS r ON r.trace_id = listed.value": (
        "trace_id IN (SELECT value FROM json_each(CASE WHEN json_valid(:trace_ids) THEN :trace_ids ELSE '[]' END))"
    ),
    "{rows} AS parent": "trace_id = members.trace_id AND span_id = members.parent_span_id",
    "{rows}\n    WHERE trace_id IN (SELECT trace_id FROM page)": "trace_id IN (SELECT trace_id FROM page)",
}

_ABOVE: Final = re.compile(r"(NOT EXISTS \((?:(?!EXISTS).)*?CROSS JOIN )\{rows\} AS above ON ([^()]*\))", re.DOTALL)
"""The part of a condition that looks for the parent of a row."""


def relation(pruned_id: int, condition: str = "1") -> str:
    """The table expression for all rows for which `condition` is true: those of the log, and those that left it."""
    columns = ", ".join(f'"{name}"' for name in COLUMNS)
    return (
        f"(SELECT {columns} FROM main.data_trace WHERE id > {pruned_id} AND {condition}"
        f" UNION ALL SELECT {columns} FROM {TABLE} WHERE id <= {pruned_id} AND {condition})"
    )


def over_both(statement: str, pruned_id: int, wrapped: Callable[[str], str]) -> str:
    """A narrow query's statement with joined rows selected inside the relation: SQLite does not pass joins into it.

    `wrapped` makes the table expression that the statement reads out of that of all rows.
    """
    for joined, condition in _JOINED.items():
        statement = statement.replace(joined, joined.replace("{rows}", wrapped(relation(pruned_id, condition))))
    statement = statement.replace(
        "matching AS NOT MATERIALIZED", "matching AS MATERIALIZED"
    )  # it is joined with itself
    tables = (f"main.data_trace AS above ON above.id > {pruned_id}", f"{TABLE} AS above ON above.id <= {pruned_id}")
    return _ABOVE.sub(lambda match: " AND ".join(f"{match[1]}{one} AND {match[2]}" for one in tables), statement)

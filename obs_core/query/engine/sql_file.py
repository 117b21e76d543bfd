"""SQL files: `query/sql/<subject>/<name>.sql`, each a header and one statement.

The header is the block of comment lines at the top. A field begins with its name and a colon, and continues on the
comment lines that follow:

    -- Answers: one sentence
    -- Reach: narrow | analytical
    -- Parameters: name TYPE (a remark), name TYPE
    -- Reads: calls(column, …), values(column, …)     analytical only: of calls, values, logs, rows_
    -- Returns: name TYPE, name TYPE

A *narrow* statement is SQLite's, with `:name` parameters, over `{rows}`, `{calls}`, `{values}` and `{logs}`. `{where}`
is replaced by the conditions of a row filter (`query.filters`), which bind parameters of their own.
An *analytical* statement is DuckDB's, with `$name` parameters, over `rows_`, `calls`, `values_` and `logs`. These have
only the rows of the window (and of the group, if the header has a parameter `group`) and only the columns it reads.
Both may use the shared SQL of `fragments`.

An analytical file may have a second statement after the line `-- Rollup`, which gives the same answer for a long window
from the rollups of an archive (`rollup_relations`): counts are equal, percentiles differ by at most 1 %. The line
`-- Rollup without a, b` limits it to questions that leave these parameters empty.
"""

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final, Literal

from obs_core.query.engine import fragments

Reach = Literal["narrow", "analytical"]
_ROLLUP: Final = re.compile(r"\n-- Rollup(?: without ([\w, ]+))?\n")
RELATIONS: Final = ("rows_", "calls", "values", "logs")

_FIELD: Final = re.compile(r"(Answers|Reach|Parameters|Reads|Returns):\s*(.*)")
_READS: Final = re.compile(r"(\w+)\(([^)]*)\)")
_REMARK: Final = re.compile(r"\([^)]*\)")


@dataclass(frozen=True, slots=True)
class SqlFile:
    """One SQL file: the fields of its header, and the statements with their fragments in place."""

    name: str
    answers: str
    reach: Reach
    parameters: dict[str, str]
    reads: dict[str, tuple[str, ...]]
    returns: dict[str, str]
    statement: str
    rollup: str | None = None
    rollup_without: tuple[str, ...] = ()

    @property
    def has_sketches(self) -> bool:
        """Whether the rollup statement has percentiles, which differ by at most 1 %."""
        return self.rollup is not None and "ranked" in self.rollup


@cache
def sql_file(query_name: str) -> SqlFile:
    """The SQL file named `<subject>/<name>`, for example `overview/summary`.

    Raises:
        ValueError: its header is malformed; the message names the file.
    """
    text = resources.files("obs_core.query").joinpath("sql", f"{query_name}.sql").read_text("utf-8")
    return parsed(query_name, text)


def names() -> list[str]:
    """The names of all SQL files."""
    root = resources.files("obs_core.query").joinpath("sql")
    return sorted(
        f"{subject.name}/{file.name.removesuffix('.sql')}"
        for subject in root.iterdir()
        if subject.is_dir()
        for file in subject.iterdir()
        if file.name.endswith(".sql") and not file.name.endswith(".clickhouse.sql")  # twins: `clickhouse_twins`
    )


def parsed(query_name: str, text: str) -> SqlFile:
    """The SQL file with this name and text.

    Raises:
        ValueError: the header is malformed; the message names the file.
    """
    text, *rolled = _ROLLUP.split(text, maxsplit=1)
    without, rollup = rolled or (None, "")
    fields, statement = _split(text)
    missing = {"Answers", "Reach", "Returns"} - fields.keys()
    if missing or fields["Reach"] not in ("narrow", "analytical"):
        raise ValueError(f"{query_name}.sql: the header needs Answers, Reach (narrow or analytical) and Returns.")
    reads = {relation: _column_names(columns) for relation, columns in _READS.findall(fields.get("Reads", ""))}
    if reads.keys() - set(RELATIONS) or (fields["Reach"] == "analytical") != bool(reads):
        raise ValueError(
            f"{query_name}.sql: an analytical query Reads some of {', '.join(RELATIONS)}, a narrow one none."
        )
    return SqlFile(
        query_name,
        fields["Answers"],
        "narrow" if fields["Reach"] == "narrow" else "analytical",
        _typed(fields.get("Parameters", "")),
        reads,
        _typed(fields["Returns"]),
        fragments.expanded(statement),
        fragments.expanded(rollup) if rollup else None,
        _column_names(without or ""),
    )


def _split(text: str) -> tuple[dict[str, str], str]:
    """The fields of the header, and the statement."""
    lines = text.splitlines()
    end = next((number for number, line in enumerate(lines) if not line.startswith("--")), len(lines))
    fields: dict[str, str] = {}
    current = ""
    for line in lines[:end]:
        comment = line.removeprefix("--").strip()
        if match := _FIELD.match(comment):
            current = match[1]
            fields[current] = match[2].strip()
        elif current:
            fields[current] = f"{fields[current]} {comment}".strip()
    return fields, "\n".join(lines[end:]).strip().removesuffix(";")


def _typed(declarations: str) -> dict[str, str]:
    """`name TYPE (remark), …` as names and types."""
    parts = (part.split(None, 1) for part in _REMARK.sub("", declarations).split(",") if part.strip())
    return {part[0]: part[1].strip() if len(part) > 1 else "" for part in parts}


def _column_names(columns: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in columns.split(",") if name.strip())

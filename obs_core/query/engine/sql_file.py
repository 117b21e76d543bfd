"""Questions as SQL files: `query/sql/<subject>/<name>.sql`, a header and one statement.

The header is the block of comment lines at the top. A field begins with its name and a colon, and goes on over further
comment lines:

    -- Answers: one sentence
    -- Reach: narrow | analytical
    -- Parameters: name TYPE (a remark), name TYPE
    -- Reads: calls(column, …), values(column, …)     analytical only: of calls, values, logs, rows_
    -- Returns: name TYPE, name TYPE

A *narrow* statement is SQLite's, with `:name` parameters, over `{rows}`, `{calls}`, `{values}` and `{logs}`; `{wanted}`
stands for the conditions that `query.wanted` makes, with the parameters that they bind.
An *analytical* one is DuckDB's, with `$name` parameters, over `rows_`, `calls`, `values_` and `logs`, which hold only
the window's rows (and only the group's, where the question has a parameter `group`) and only the columns it reads.
"""

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final, Literal

Reach = Literal["narrow", "analytical"]
RELATIONS: Final = ("rows_", "calls", "values", "logs")

_FIELD: Final = re.compile(r"(Answers|Reach|Parameters|Reads|Returns):\s*(.*)")
_READS: Final = re.compile(r"(\w+)\(([^)]*)\)")
_REMARK: Final = re.compile(r"\([^)]*\)")


@dataclass(frozen=True, slots=True)
class SqlFile:
    """One question's SQL: what its header declares, and the statement."""

    name: str
    answers: str
    reach: Reach
    parameters: dict[str, str]
    reads: dict[str, tuple[str, ...]]
    returns: dict[str, str]
    statement: str


@cache
def sql_file(name: str) -> SqlFile:
    """The question `name`, such as `overview/summary`.

    Raises:
        ValueError: its header is not as this module says; the message names the file.
    """
    text = resources.files("obs_core.query").joinpath("sql", f"{name}.sql").read_text("utf-8")
    return parsed(name, text)


def names() -> list[str]:
    """The names of all questions that have a file."""
    root = resources.files("obs_core.query").joinpath("sql")
    return sorted(
        f"{subject.name}/{file.name.removesuffix('.sql')}"
        for subject in root.iterdir()
        if subject.is_dir()
        for file in subject.iterdir()
        if file.name.endswith(".sql")
    )


def parsed(name: str, text: str) -> SqlFile:
    """The question in `text`.

    Raises:
        ValueError: the header is malformed; the message names the file.
    """
    fields, statement = _split(text)
    missing = {"Answers", "Reach", "Returns"} - fields.keys()
    if missing or fields["Reach"] not in ("narrow", "analytical"):
        raise ValueError(f"{name}.sql: the header needs Answers, Reach (narrow or analytical) and Returns.")
    reads = {relation: _words(columns) for relation, columns in _READS.findall(fields.get("Reads", ""))}
    if reads.keys() - set(RELATIONS) or (fields["Reach"] == "analytical") != bool(reads):
        raise ValueError(f"{name}.sql: an analytical question Reads some of {', '.join(RELATIONS)}, a narrow one none.")
    return SqlFile(
        name,
        fields["Answers"],
        "narrow" if fields["Reach"] == "narrow" else "analytical",
        _typed(fields.get("Parameters", "")),
        reads,
        _typed(fields["Returns"]),
        statement,
    )


def _split(text: str) -> tuple[dict[str, str], str]:
    """The header's fields, and what follows it."""
    lines = text.splitlines()
    end = next((number for number, line in enumerate(lines) if not line.startswith("--")), len(lines))
    fields: dict[str, str] = {}
    current = ""
    for line in lines[:end]:
        words = line.removeprefix("--").strip()
        if match := _FIELD.match(words):
            current = match[1]
            fields[current] = match[2].strip()
        elif current:
            fields[current] = f"{fields[current]} {words}".strip()
    return fields, "\n".join(lines[end:]).strip().removesuffix(";")


def _typed(listing: str) -> dict[str, str]:
    """`name TYPE (remark), …` as names and types."""
    parts = (part.split(None, 1) for part in _REMARK.sub("", listing).split(",") if part.strip())
    return {part[0]: part[1].strip() if len(part) > 1 else "" for part in parts}


def _words(listing: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in listing.split(",") if word.strip())

"""The SQL files are what their headers say, and each belongs to a question."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import obs_core.query
from obs_core.clock import Window
from obs_core.query.engine.engine import Engine
from obs_core.query.engine.sql_file import names, sql_file
from obs_core.store import log as store

ROOM = Path(obs_core.query.__file__).parent
SAMPLE = {"BIGINT": 1, "VARCHAR": "x", "BOOLEAN": False, "DOUBLE": 1.0, "VARCHAR[]": ["x"], "DOUBLE[]": [0.5]}
KINDS = {
    "BIGINT": ("int64", "Int64"),
    "VARCHAR": ("object", "str"),
    "DOUBLE": ("float64",),
    "BOOLEAN": ("bool", "boolean", "object"),
}


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine on a log without rows."""
    path = tmp_path_factory.mktemp("empty") / "trace.db"
    store.open_log(path).close()
    with Engine(path) as engine:
        yield engine


def named_in_code() -> set[str]:
    """Every text in the room's code that names a file of SQL."""
    trees = (ast.parse(file.read_text("utf-8")) for file in ROOM.rglob("*.py"))
    texts = (node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return {text for text in texts if isinstance(text, str) and re.fullmatch(r"[a-z_]+/[a-z_]+", text)}


def test_every_file_is_asked_and_every_name_has_its_file() -> None:
    assert named_in_code() == set(names())


@pytest.mark.parametrize("name", names())
def test_a_file_returns_what_its_header_says(empty: Engine, name: str) -> None:
    file = sql_file(name)
    parameters = {parameter: SAMPLE[kind.split()[0]] for parameter, kind in file.parameters.items()}
    if file.reach == "narrow":
        found = empty.lookup(name, parameters)
    else:
        found = empty.analyse(name, Window(0, 2**62), parameters)
    assert found.columns.tolist() == list(file.returns)
    wrong = {
        column: (str(found[column].dtype), kind)
        for column, kind in file.returns.items()
        if kind in KINDS and str(found[column].dtype) not in KINDS[kind]
    }
    assert wrong == {}


@pytest.mark.parametrize("name", names())
def test_a_file_uses_each_parameter_that_it_declares_and_no_other(name: str) -> None:
    file = sql_file(name)
    mark = ":" if file.reach == "narrow" else r"\$"
    bare = re.sub(r"'[^']*'", "''", file.statement)
    used = set(re.findall(rf"(?<![:\w]){mark}([a-z_]+)", bare))
    applied = {"group"} if file.reach == "analytical" else set()  # the window and the group are applied by reach
    assert used | (applied & file.parameters.keys()) == file.parameters.keys()


def test_only_questions_that_are_narrowed_leave_room_for_it_and_once() -> None:
    room = {name: sql_file(name).statement.count("WHERE {where}") for name in names()}
    assert {name: count for name, count in room.items() if count} == dict.fromkeys(
        (
            "export/piece",
            "export/piece_by_id",
            "export/width",
            "facets/facets",
            "traces/page",
            "traces/page_oldest",
            "traces/page_sorted",
            "traces/total",
        ),
        1,
    )
    assert all(count == sql_file(name).statement.count("{where}") for name, count in room.items())

"""Every SQL file matches its header and is used by a question."""

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

PACKAGE = Path(obs_core.query.__file__).parent
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
    """All texts in the package's code that name an SQL file."""
    trees = (ast.parse(file.read_text("utf-8")) for file in PACKAGE.rglob("*.py"))
    texts = (node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return {text for text in texts if isinstance(text, str) and re.fullmatch(r"[a-z_]+/[a-z_]+", text)}


def test_every_sql_file_is_used_and_every_used_name_has_its_file() -> None:
    only_for_clickhouse = {"traces/parents", "traces/rows"}
    assert named_in_code() == {*names(), *only_for_clickhouse}


@pytest.mark.parametrize("name", names())
def test_a_file_returns_what_its_header_says(empty: Engine, name: str) -> None:
    file = sql_file(name)
    parameters = {parameter: SAMPLE[kind.split()[0]] for parameter, kind in file.parameters.items()}
    if file.reach == "narrow":
        answer = empty.lookup(name, parameters)
    else:
        answer = empty.analyse(name, Window(0, 2**62), parameters)
    assert answer.columns.tolist() == list(file.returns)
    wrong = {
        column: (str(answer[column].dtype), kind)
        for column, kind in file.returns.items()
        if kind in KINDS and str(answer[column].dtype) not in KINDS[kind]
    }
    assert wrong == {}


@pytest.mark.parametrize("name", names())
def test_a_file_uses_exactly_the_parameters_that_it_declares(name: str) -> None:
    file = sql_file(name)
    mark = ":" if file.reach == "narrow" else r"\$"
    bare = re.sub(r"'[^']*'", "''", file.statement)
    used = set(re.findall(rf"(?<![:\w]){mark}([a-z_]+)", bare))
    applied = {"group"} if file.reach == "analytical" else set()  # the window and the group are applied by reach
    assert used | (applied & file.parameters.keys()) == file.parameters.keys()


def test_only_filtered_queries_have_a_placeholder_for_conditions_and_once() -> None:
    placeholders = {name: sql_file(name).statement.count("WHERE {where}") for name in names()}
    assert {name: count for name, count in placeholders.items() if count} == dict.fromkeys(
        (
            "export/piece",
            "export/piece_by_id",
            "export/width",
            "facets/attributes",
            "facets/facets",
            "timeline/matching",
            "trace_list/page",
            "trace_list/page_sorted",
            "trace_list/total",
            "traces/page",
            "traces/page_oldest",
            "traces/page_sorted",
            "traces/total",
        ),
        1,
    )
    assert all(count == sql_file(name).statement.count("{where}") for name, count in placeholders.items())

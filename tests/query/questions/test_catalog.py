"""Every question is in the catalog, with the promised name, parameters and columns."""

import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

from obs_core.clock import Window
from obs_core.errors import BadParameter
from obs_core.query.engine.engine import Engine
from obs_core.query.engine.sql_file import names
from obs_core.query.questions import catalog
from obs_core.store import log as store
from obs_core.store import sqlite
from tests.support import table

ALWAYS = Window(0, 2**63 - 1)
SEVEN = ["Process", "Data", "Data Type", "Data Value", "Timestamp", "Status", "Exception"]
NEEDED = {
    "older": "aa",
    "newer": "bb",
    "trace_id": "t1",
    "span_id": "s1",
    "id": "1",
    "function": "load",
    "process": "feed",
    "data": "price",
    "duration_ns": "1000",
    "processes": "feed",
    "names": "price",
    "texts": "101",
    "issue": "OSError\nload\nOSError",
}

PROMISED = {
    "overview.summary": (
        "",
        "calls values errors error_rate traces calls_per_s traces_per_s p50_ms p95_ms p99_ms first_ns last_ns",
    ),
    "overview.throughput": ("bucket", "bucket_ns calls errors error_rate"),
    "overview.recent_errors": ("", "timestamp process data exception trace_id span_id"),
    "overview.groups": ("", "process_group rows calls errors"),
    "traces.page": (
        "process status kind errors search sort after size",
        ["id", *SEVEN, "trace_id", "span_id", "parent_span_id", "process_group", "duration_ms", "has_children"],
    ),
    "traces.tree": (
        "trace_id",
        ["kind", "span_id", "parent_span_id", "depth", *SEVEN, "start_offset_ms", "duration_ms", "self_ms", "orphan"],
    ),
    "functions.performance": (
        "exact by",
        "process_group function calls errors error_rate mean_ms p50_ms p95_ms p99_ms min_ms max_ms self_ms memory_mean",
    ),
    "functions.history": ("function", "bucket_ns calls errors p50_ms p95_ms p99_ms"),
    "values.streaks": (
        "threshold tolerance missing ignore process data min_seconds",
        "process data length start_ns end_ns value ongoing",
    ),
    "writers.status": ("", "process pid state queue capacity written dropped recovered last_flush_ns"),
}


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine on a log without rows."""
    path = tmp_path_factory.mktemp("empty") / "trace.db"
    store.open_log(path).close()
    with Engine(path) as engine:
        yield engine


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine on a log with a trace of two calls and a value."""
    path = tmp_path_factory.mktemp("sample") / "trace.db"
    rows = """
        seconds  kind   process  data   trace_id  span_id  parent_span_id  status  exception   duration_ms
        0        call   feed     load   t1        s1       -               OK      -           5
        1        call   feed     load   t1        s2       s1              ERROR   KeyError:a  1
        2        value  feed     price  t1        -        s1              OK      -           -
    """
    table.store(path, table.rows(rows))
    with Engine(path) as engine:
        yield engine


def arguments_for(question: catalog.Question) -> dict[str, str]:
    """Something for each parameter that the question can't do without."""
    return {
        name: NEEDED[name] for name, parameter in question.parameters.items() if parameter.default is parameter.empty
    }


@pytest.mark.parametrize("name", PROMISED)
def test_promised_questions_have_their_parameters_and_columns(empty: Engine, name: str) -> None:
    parameters, columns = PROMISED[name]
    promised = columns.split() if isinstance(columns, str) else columns
    question = catalog.QUESTIONS[name]
    result = question.answer(empty, ALWAYS, arguments_for(question))
    assert result.columns.tolist()[: len(promised)] == promised
    assert {"group", *parameters.split()} <= question.parameters.keys()


@pytest.mark.parametrize("name", catalog.QUESTIONS)
def test_every_question_takes_a_group_and_has_a_summary(empty: Engine, name: str) -> None:
    question = catalog.QUESTIONS[name]
    assert question.parameters["group"].default is None
    assert question.summary.endswith(".")
    result = question.answer(empty, ALWAYS, {**arguments_for(question), "group": "red"})
    assert result.attrs["truncated"] is False
    assert result.attrs["approximate"] is False


@pytest.mark.parametrize("name", catalog.QUESTIONS)
def test_every_question_has_the_same_columns_with_rows_as_without(empty: Engine, sample: Engine, name: str) -> None:
    question = catalog.QUESTIONS[name]
    result = question.answer(sample, ALWAYS, arguments_for(question))
    assert result.columns.tolist() == question.answer(empty, ALWAYS, arguments_for(question)).columns.tolist()


def test_texts_are_converted_to_the_type_of_the_parameter(empty: Engine) -> None:
    question = catalog.question("values.streaks")
    arguments = {"threshold": "3", "tolerance": "1e-4", "missing": "skip", "ignore": "0,None", "group": ""}
    assert question.answer(empty, ALWAYS, arguments).empty
    assert catalog.question("traces.page").answer(empty, ALWAYS, {"errors": "1", "size": "5"}).empty


@pytest.mark.parametrize(
    ("question", "arguments", "sentence"),
    [
        ("overview.summary", {"colour": "red"}, "overview.summary takes no parameter “colour”. It takes group, exact."),
        ("traces.tree", {}, "traces.tree needs trace_id. Add trace_id=…."),
        (
            "values.streaks",
            {"threshold": "x"},
            "threshold=x is not a whole number. Write threshold= and a whole number.",
        ),
        ("values.streaks", {"tolerance": "x"}, "tolerance=x is not a number. Write tolerance= and a number."),
        ("values.streaks", {"missing": "x"}, "missing is “x”. It must be one of value, skip, break."),
        ("traces.page", {"errors": "maybe"}, "errors=maybe is not 1 or 0. Write errors= and 1 or 0."),
    ],
)
def test_invalid_texts_are_rejected_with_what_is_valid(
    empty: Engine, question: str, arguments: dict[str, str], sentence: str
) -> None:
    with pytest.raises(BadParameter) as error:
        catalog.question(question).answer(empty, ALWAYS, arguments)
    assert f"{error.value.message} {error.value.hint}" == sentence


def test_an_unknown_question_is_answered_with_the_closest_name_and_the_list() -> None:
    with pytest.raises(BadParameter, match="Unknown question “overview") as error:
        catalog.question("overview.sumary")
    assert error.value.hint.startswith("Did you mean overview.summary? The questions are facets.facets, ")


@pytest.mark.parametrize(("alias", "name"), catalog.ALIASES.items())
def test_a_question_is_also_known_by_its_former_name(alias: str, name: str) -> None:
    assert catalog.question(alias) is catalog.QUESTIONS[name]
    assert alias not in catalog.QUESTIONS


def test_every_question_has_an_sql_file_of_its_name_or_reads_no_log() -> None:
    without_file = {name for name in catalog.QUESTIONS if name.replace(".", "/") not in names()}
    assert without_file == {"writers.status"}  # it reads the writers' status files


def test_every_question_takes_the_engine_and_a_window_first() -> None:
    for question in catalog.QUESTIONS.values():
        first = list(inspect.signature(question.function).parameters)[:2]
        assert first == ["engine", "window"], question.name


def test_the_catalog_does_not_list_questions_by_hand() -> None:
    source = Path(catalog.__file__).read_text("utf-8")
    current = {name for name in catalog.QUESTIONS if name not in catalog.ALIASES.values()}
    assert [name for name in current if f'"{name}"' in source] == []


def test_every_question_answers_about_a_log_of_seven_columns(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    connection = sqlite.connect(path, create=True)
    connection.execute(f"CREATE TABLE data_trace ({', '.join(f'[{name}]' for name in SEVEN)})")
    for second in range(12):
        row = (
            "feed",
            "price",
            "float",
            "1.0",
            f"2026-01-01T00:00:{second:02}Z",
            "ERROR" if second == 3 else "OK",
            None,
        )
        connection.execute(f"INSERT INTO data_trace VALUES ({', '.join('?' * len(SEVEN))})", row)
    connection.close()
    with Engine(path) as engine:
        result = {
            name: question.answer(engine, ALWAYS, arguments_for(question))
            for name, question in catalog.QUESTIONS.items()
        }
    assert result["overview.summary"][["calls", "values", "errors", "traces"]].to_numpy().tolist() == [[12, 12, 1, 0]]
    assert result["overview.summary"]["p95_ms"].isna().all()
    assert result["traces.page"]["Timestamp"].is_monotonic_decreasing
    assert result["values.streaks"][["length", "ongoing"]].to_numpy().tolist() == [[12, True]]
    assert result["functions.performance"][["function", "calls"]].to_numpy().tolist() == [["price", 12]]
    assert result["traces.tree"].empty

"""Text from links and programs is a bound parameter: it matches only itself and causes no errors."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from obs_core.clock import Window
from obs_core.errors import BadParameter
from obs_core.model import Code, Row
from obs_core.query.engine.engine import Engine
from obs_core.query.filters.row_filter import RowFilter
from obs_core.query.questions import catalog, facets, functions, overview, traces, values, versions
from obs_core.store import log as store
from obs_core.store import sqlite
from tests.support import table

START = table.START_NS
TEXTS = [
    "'",
    '"',
    "''",
    "{}",
    "{rows}",
    "%",
    "_",
    "$group",
    ":group",
    "?1",
    "--",
    "/*",
    "\0",
    "a\0b",
    "\\",
    "\n",
    ";",
    "😀",
    "\u202e",
    "' OR 1=1 --",
    "null",
]
ALWAYS = Window(0, 2**62)
FAR = 10_000  # rows of another time, so that the window is a small part of the log and is read through SQLite
WAYS = {"scan": Window(0, 2**62), "sqlite_query": Window(START, START + 1_000)}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A log with a call, two equal readings and a source under each hostile text."""
    path = tmp_path_factory.mktemp("hostile") / "trace.db"
    connection = store.open_log(path)
    with sqlite.transaction(connection):
        for text in TEXTS:
            code = store.code_id(connection, Code(text, None, None, text, text, None, START))
            call = Row("call", text, text, START, text, trace_id=text, span_id=text, function=text, code_id=code)
            value = Row("value", text, text, START, text, data_type="str", data_value=text)
            store.append(connection, [call, call._replace(span_id="below", parent_span_id=text), value, value])
        store.append(connection, [Row("log", "far", "far", START + 10**9 + at) for at in range(FAR)])
    connection.close()
    with Engine(path) as engine:
        yield engine


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("text", TEXTS)
def test_a_search_for_hostile_text_matches_only_its_own_rows(engine: Engine, text: str, way: str) -> None:
    window = WAYS[way]
    assert overview.summary(engine, window, group=text)[["calls", "values"]].to_numpy().tolist() == [[2, 2]]
    assert overview.groups(engine, window, group=text)["process_group"].tolist() == [text]
    performance = functions.performance(engine, window, group=text)
    assert performance[["function", "calls"]].to_numpy().tolist() == [[text, 2]]
    assert performance.attrs["way"] == way
    assert functions.history(engine, window, function=text)["calls"].sum() == 2
    assert versions.list_(engine, window, function=text)[["source", "calls"]].to_numpy().tolist() == [[text, 2]]
    streaks = values.streaks(engine, window, threshold=1, process=text, data=text)
    assert streaks[["process", "data", "value", "length"]].to_numpy().tolist() == [[text, text, text, 2]]
    assert values.streaks(engine, window, threshold=1, process=text, ignore=(text,)).empty
    assert len(values.history(engine, window, process=text, data=text)) == 2
    assert len(traces.children(engine, window, trace_id=text, span_id=text)) == 1


@pytest.mark.parametrize("text", TEXTS)
def test_a_hostile_search_is_literal(engine: Engine, text: str) -> None:
    window = WAYS["sqlite_query"]
    expected = sorted(other for other in TEXTS if text.casefold() in other.casefold())
    assert sorted(functions.names(engine, window, search=text)["function"]) == expected
    answer = set(traces.page(engine, window, row_filter=RowFilter(search=text), size=1_000)["Data"])
    beyond = {other for other in expected if "\0" in other and "\0" not in text}  # LIKE reads a cell up to its NUL
    assert set(expected) - beyond <= answer <= set(expected)


HALF = "a\ud800"


@pytest.mark.parametrize("name", [name for name in catalog.QUESTIONS if not name.startswith("writers")])
def test_every_question_rejects_a_lone_surrogate(engine: Engine, name: str) -> None:
    question = catalog.QUESTIONS[name]
    texts = [
        p
        for p in question.parameters.values()
        if p.annotation in (str, str | None) and p.name not in ("bucket", "sort", "after")
    ]
    needed = {p.name: "1" if p.annotation is int else "x" for p in question.parameters.values() if p.default is p.empty}
    for parameter in texts:
        if parameter.name == "group" and name in ("traces.tree", "traces.children", "traces.row", "traces.attributes"):
            continue  # a trace, and a row, is shown whole
        with pytest.raises(BadParameter, match=r"half a character|is “"):
            question.answer(engine, WAYS["scan"], {**needed, parameter.name: HALF})


def test_every_question_answers_at_the_ends_of_time(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("ends") / "trace.db"
    least, most = -(2**63), 2**63 - 1
    ends = [(least, most), (most, most), (0, least), (-1, -1), (10**18, None)]
    call = Row("call", "p", "f", 0, "g", status="ERROR", trace_id="t", parent_span_id="s0", memory_delta=most)
    calls = [call._replace(timestamp=at, duration_ns=span, span_id=f"s{n}") for n, (at, span) in enumerate(ends)]
    readings = [
        Row("value", "p", "f", at, data_type="float", data_value=text) for at, text in ((least, "1e999"), (most, "nan"))
    ]
    table.store(path, [*calls, *readings])
    arguments = {
        "trace_id": "t",
        "span_id": "s0",
        "id": "1",
        "function": "f",
        "process": "p",
        "data": "f",
        "duration_ns": "1",
        "older": "aa",
        "newer": "bb",
        "processes": "p",
        "names": "f",
        "texts": "1e999",
        "issue": "\x00\n%\n",
    }
    with Engine(path) as engine:
        for window in (Window(least, most), Window(0, 2 * 10**18)):
            for question in catalog.QUESTIONS.values():
                needed = {name: arguments[name] for name, p in question.parameters.items() if p.default is p.empty}
                assert question.answer(engine, window, needed).attrs["approximate"] is False
        assert overview.throughput(engine, Window(least, most))["calls"].sum() == len(calls) - 1  # the end is not in it
        assert overview.throughput(engine, Window(-5, 5), bucket="1s")["calls"].tolist() == [1, 1]


def test_our_sqlite_functions_read_text_that_is_not_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "trace.db"
    table.store(path, [Row("call", "p", "f", START, status="ERROR")])
    texts = (b"\xc3\xbc\xff", b"E: \xff", b'{"attributes": {"a": "\xc3\xbc\xff"}}')
    writer = sqlite.connect(path, write=True)
    columns = ("data_value", "exception", "attributes")
    writer.execute(f"UPDATE data_trace SET {', '.join(f'{name} = CAST(? AS TEXT)' for name in columns)}", texts)
    writer.close()
    with Engine(path) as engine:
        for search in ("Ü", "ü\ufffd", ": \ufffd"):
            assert len(traces.page(engine, ALWAYS, row_filter=RowFilter(search=search))) == 1, search
        for where in ('a matches "^.+$"', "a contains Ü", "a starts with ü"):
            assert len(traces.page(engine, ALWAYS, row_filter=RowFilter(where=where))) == 1, where
        answer = facets.facets(engine, ALWAYS)
        assert answer.loc[answer["facet"] == "exception_type", "value"].tolist() == ["E"]

"""Pages of rows, and one trace as a tree."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from obs_core.clock import SECOND, Window
from obs_core.errors import BadParameter
from obs_core.model import CANONICAL, Row
from obs_core.query.engine import sqlite_reader
from obs_core.query.engine.engine import Engine
from obs_core.query.filters import paging
from obs_core.query.filters.row_filter import RowFilter, gathered
from obs_core.query.filters.where import where_clause
from obs_core.query.questions import traces
from obs_core.store import sqlite
from tests.support import table

ALWAYS = Window(0, 2**63 - 1)
START = table.START_NS


def ids(engine: Engine, window: Window = ALWAYS, **parameters: object) -> list[int]:
    """The ids of a page's rows."""
    return traces.page(engine, window, **gathered(parameters))["id"].tolist()


def all_ids(engine: Engine, size: int, **parameters: object) -> list[int]:
    """The ids of all pages, one after the other."""
    answer: list[int] = []
    after: str | None = None
    while True:
        page = traces.page(engine, ALWAYS, size=size, after=after, **gathered(parameters))
        answer += page["id"].tolist()
        after = page.attrs["next"]
        assert page.attrs["truncated"] == (after is not None)
        if after is None:
            return answer


def test_a_page_has_the_seven_columns_by_their_titles(engine: Engine) -> None:
    """
    seconds  process  data  data_type  data_value  status  exception   trace_id  span_id  parent_span_id  duration_ms
    0        feed     load  dict       {}          ERROR   KeyError:x  t1        s1       s0              1.5
    """
    (row,) = traces.page(engine, ALWAYS).to_dict("records")
    assert {name: row[name] for name in CANONICAL} == {
        "Process": "feed",
        "Data": "load",
        "Data Type": "dict",
        "Data Value": "{}",
        "Timestamp": START,
        "Status": "ERROR",
        "Exception": "KeyError:x",
    }
    assert (row["id"], row["trace_id"], row["span_id"], row["parent_span_id"]) == (1, "t1", "s1", "s0")
    assert (row["process_group"], row["duration_ms"], row["has_children"]) == (None, 1.5, False)


def test_rows_come_newest_first_and_equal_times_by_arrival(engine: Engine) -> None:
    """
    0  feed  a  1  OK
    5  feed  b  2  OK
    5  feed  c  3  OK
    2  feed  d  4  OK
    """
    assert ids(engine) == [3, 2, 4, 1]
    assert ids(engine, sort="-time") == [1, 4, 2, 3]


def test_rows_can_be_sorted_by_duration_process_and_status(engine: Engine) -> None:
    """
    seconds  process  data  duration_ms  status
    0        b        x     5            OK
    1        a        x     -            ERROR
    2        c        x     7            UNSET
    3        a        x     6            OK
    """
    assert ids(engine, sort="duration") == [3, 4, 1, 2]
    assert ids(engine, sort="-duration") == [1, 4, 3, 2]
    assert ids(engine, sort="process") == [4, 2, 1, 3]
    assert ids(engine, sort="-process") == [3, 1, 4, 2]
    assert ids(engine, sort="status") == [2, 3, 4, 1]
    with pytest.raises(BadParameter, match="sort is “color”"):
        traces.page(engine, ALWAYS, sort="color")


def test_filters_limit_the_page(engine: Engine) -> None:
    """
    seconds  kind   process  data  status  process_group
    0        call   a        x     OK      red
    1        call   b        x     ERROR   red
    2        value  a        y     OK      blue
    3        log    a        z     ERROR   blue
    """
    assert ids(engine, group="red") == [2, 1]
    assert ids(engine, process="a") == [4, 3, 1]
    assert ids(engine, kind="value") == [3]
    assert ids(engine, status="OK") == [3, 1]
    assert ids(engine, errors=True) == ids(engine, errors=True, status="ERROR") == [4, 2]
    assert ids(engine, group="red", process="a", status="OK", kind="call") == [1]
    assert ids(engine, group="", process="", status="", search="") == [4, 3, 2, 1]
    assert ids(engine, Window(START + SECOND, START + 3 * SECOND)) == [3, 2]
    with pytest.raises(BadParameter, match="errors=1 shows status ERROR only"):
        traces.page(engine, ALWAYS, row_filter=RowFilter(errors=True, status="OK"))


def test_the_newest_failures_are_read_by_their_own_index(log: Path, engine: Engine) -> None:
    table.store(
        log, [Row("call", "web", "x", START + at, "shop", status="ERROR" if at % 9 else "OK") for at in range(99)]
    )
    where, parameters = where_clause(ALWAYS, RowFilter(status="ERROR"), group="shop")
    with closing(sqlite.connect(log)) as connection:
        statement = (
            f"EXPLAIN QUERY PLAN SELECT * FROM data_trace WHERE {where} ORDER BY timestamp DESC, id DESC LIMIT 100"
        )
        plan = [row[-1] for row in connection.execute(statement, parameters)]
    assert plan[0] == "SEARCH data_trace USING INDEX idx_errors (timestamp>? AND timestamp<?)"
    assert len(traces.page(engine, ALWAYS, row_filter=RowFilter(errors=True), group="shop")) == 88


def test_durations_functions_and_types_limit_the_page(engine: Engine) -> None:
    """
    seconds  kind   process  data   function   data_type  duration_ms  status  exception
    0        call   a        load   app.load   dict       1            OK      -
    1        call   a        load   -          list       1.5          ERROR   KeyError:x
    2        call   b        load   app.load   dict       2            ERROR   KeyErrors:x
    3        value  b        price  -          float      -            OK      -
    4        call   b        poll   app.poll   -          3            ERROR   app.Bad.KeyError
    """
    assert ids(engine, min_ms=1.5) == [5, 3, 2]
    assert ids(engine, max_ms=1.5) == [2, 1]
    assert ids(engine, min_ms=1.5, max_ms=2) == [3, 2]
    assert ids(engine, min_ms=0) == [5, 3, 2, 1]
    assert ids(engine, function="app.load") == [3, 1]
    assert ids(engine, function="load") == [2]
    assert ids(engine, data_type="dict") == [3, 1]
    assert ids(engine, exception_type="KeyError") == [2]
    assert ids(engine, exception_type="app.Bad.KeyError") == [5]
    assert ids(engine, function="app.load", min_ms=2, exception_type="KeyErrors", sort="duration") == [3]
    for bound in (-1.0, float("nan"), float("inf")):
        with pytest.raises(BadParameter, match="must be a duration in milliseconds"):
            traces.page(engine, ALWAYS, row_filter=RowFilter(min_ms=bound))


def test_attributes_become_columns_of_a_page_and_of_children(log: Path, engine: Engine) -> None:
    texts = ['{"attributes": {"a": 1, "b": "x", "c": [true, null], "d": null}}', "no JSON", None, '{"attributes": 5}']
    rows = [
        Row("call", "feed", "x", START + at, trace_id="t1", span_id=f"s{at}", parent_span_id="s0", attributes=text)
        for at, text in enumerate(texts)
    ]
    table.store(log, rows)
    page = traces.page(engine, ALWAYS, sort="-time", attributes=("a", "b", "c", "d"))
    answer = page.filter(like="attributes.").to_numpy().tolist()
    assert answer == [["1", "x", "[true, null]", None], *([[None] * 4] * 3)]
    assert traces.children(engine, ALWAYS, trace_id="t1", span_id="s0", attributes=("b",)).columns[-1] == "attributes.b"
    assert "attributes" not in traces.page(engine, ALWAYS).columns


ATTRIBUTED: list[tuple[str | None, list[tuple[str, str, str]]]] = [
    (None, []),
    ("", []),
    ("{}", []),
    ("[1]", []),
    ("5", []),
    ('{"attributes": {}}', []),
    ('{"attributes":{},"events":[{"name":"e"}]}', []),
    ('{"events": [{"name": "e"}]}', []),
    ('{"attributes": {"a": 1, "b": 0.5, "c": true, "d": null}}', [
        ("a", "int", "1"), ("b", "double", "0.5"), ("c", "bool", "true"), ("d", "", "null"),
    ]),
    ('{"scope":{},"attributes":{"nested":{"x":["é"]},"list":[1,"2"]}}', [
        ("nested", "kvlist", '{"x": ["é"]}'), ("list", "array", '[1, "2"]'),
    ]),
    ('{"attributes": {"<img onerror>": "::JSCODE::", "": "=1+1"}}', [
        ("<img onerror>", "string", "::JSCODE::"), ("", "string", "=1+1"),
    ]),
    (r'{"attributes": {"nul\u0000": "\u0000", "half\ud800": "\udfff"}}', [
        ("nul\0", "string", "\0"), ("half\ufffd", "string", "\ufffd"),
    ]),
    ('{"attributes": {"big": 123456789012345678901234567890}}', [("big", "int", "123456789012345678901234567890")]),
    ('{"attributes": {"odd": NaN}}', [("odd", "double", "NaN")]),
    ('{"attributes": [7, "x"]}', [("1", "int", "7"), ("2", "string", "x")]),
    ('{"attributes": 5}', [("", "int", "5")]),
    ('{"attributes": {"cut', [("(not JSON)", "string", '{"attributes": {"cut')]),
    ("no JSON", [("(not JSON)", "string", "no JSON")]),
]  # fmt: skip


def test_a_row_has_attributes_if_there_are_some_to_show(log: Path, engine: Engine) -> None:
    rows = [
        Row("call", "feed", "x", START + at, trace_id="t1", span_id=f"s{at}", parent_span_id="s0", attributes=text)
        for at, (text, _) in enumerate(ATTRIBUTED, 1)
    ]
    table.store(log, rows)
    expected = [bool(attributes) for _, attributes in ATTRIBUTED]
    for sort in ("-time", "process"):
        page = traces.page(engine, ALWAYS, sort=sort).sort_values("id")
        assert page["has_attributes"].tolist() == expected
    newest = traces.page(engine, ALWAYS)["has_attributes"].tolist()
    assert newest[::-1] == expected
    assert traces.children(engine, ALWAYS, trace_id="t1", span_id="s0")["has_attributes"].tolist() == expected
    for number, (_, attributes) in enumerate(ATTRIBUTED, 1):
        answer = traces.attributes(engine, ALWAYS, id=number)
        assert [tuple(row) for row in answer.to_numpy().tolist()] == attributes


def test_the_answer_has_the_first_attributes_and_says_if_there_are_more(log: Path, engine: Engine) -> None:
    many = json.dumps({"attributes": {f"key{at}": "x" * 70_000 for at in range(5)}})
    table.store(log, [Row("call", "feed", "x", START, attributes=many)])
    answer = traces.attributes(engine, ALWAYS, id=1, size=3)
    assert answer["name"].tolist() == ["key0", "key1", "key2"]
    assert answer["value"].str.len().tolist() == [paging.LONGEST_CELL] * 3
    assert answer.attrs["truncated"]
    assert not traces.attributes(engine, ALWAYS, id=1, size=5).attrs["truncated"]
    assert traces.attributes(engine, ALWAYS, id=2).empty


LITERAL = [
    "100%",
    "a_b",
    "aXb",
    "*",
    "{x}",
    "back\\slash",
    "it's",
    'say "hi"',
    "%s %d",
    "é",
    "É",
    "straße",
    "NULL",
    "; DROP TABLE data_trace",
]


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ("%", ["100%", "%s %d"]),
        ("_", ["a_b", "; DROP TABLE data_trace"]),
        ("A_B", ["a_b"]),
        ("axb", ["aXb"]),
        ("*", ["*"]),
        ("{X}", ["{x}"]),
        ("\\", ["back\\slash"]),
        ("'", ["it's"]),
        ('"', ['say "hi"']),
        ("é", ["é", "É"]),
        ("STRASSE", []),
        ("STRAßE", ["straße"]),
        ("drop table", ["; DROP TABLE data_trace"]),
        ("\0", []),
    ],
)
def test_a_search_is_literal_text_ignoring_case(log: Path, engine: Engine, search: str, expected: list[str]) -> None:
    rows = [Row("value", "feed", "x", START + second, data_value=text) for second, text in enumerate(LITERAL)]
    table.store(log, rows)
    assert (
        traces.page(engine, ALWAYS, row_filter=RowFilter(search=search), sort="-time")["Data Value"].tolist()
        == expected
    )


@pytest.mark.parametrize("column", ["process", "data", "data_value", "exception"])
def test_a_search_covers_process_data_value_and_exception(log: Path, engine: Engine, column: str) -> None:
    row = Row("call", "p", "d", START, data_value="v", exception="e")
    answer: dict[str, Any] = {column: "needle in hay"}
    table.store(log, [row, row._replace(**answer)])
    assert ids(engine, search="Needle") == [2]
    assert ids(engine, search="NEEDLE\0") == []


HOSTILE = [
    "'",
    '"',
    "{}",
    "{rows}",
    "%s",
    ":from_ns",
    "$from_ns",
    "?1",
    "--",
    "/*",
    "\0",
    "a\0b",
    "\\",
    "\n",
    "😀",
    "\u202e",
    "' OR 1=1 --",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_matches_itself_and_nothing_else(log: Path, engine: Engine, text: str) -> None:
    plain = Row("call", "p", "d", START, "g", trace_id="t", span_id="s", parent_span_id="u")
    same = Row("call", text, text, START + 1, text, trace_id=text, span_id=text, parent_span_id=f"{text}!")
    below = same._replace(span_id="leaf", parent_span_id=text)
    table.store(log, [plain, same, below])
    assert ids(engine, group=text) == ids(engine, process=text) == [3, 2]
    assert ids(engine, status=text) == []
    assert traces.tree(engine, ALWAYS, trace_id=text)["id"].tolist() == [2, 3]
    assert traces.children(engine, ALWAYS, trace_id=text, span_id=text)["id"].tolist() == [3]


@pytest.mark.parametrize("name", ["group", "process", "status", "search"])
def test_a_lone_surrogate_is_rejected_with_a_sentence(engine: Engine, name: str) -> None:
    with pytest.raises(BadParameter, match=rf"{name} contains half a character \(a lone surrogate\)"):
        traces.page(engine, ALWAYS, **gathered({name: "a\udcff"}))


def test_the_next_page_continues_where_the_last_one_ended(engine: Engine) -> None:
    """
    0  feed  a  1  OK
    1  feed  b  2  OK
    2  feed  c  3  OK
    """
    first = traces.page(engine, ALWAYS, size=2)
    assert (first["id"].tolist(), first.attrs["truncated"]) == ([3, 2], True)
    second = traces.page(engine, ALWAYS, size=2, after=first.attrs["next"])
    assert (second["id"].tolist(), second.attrs["truncated"], second.attrs["next"]) == ([1], False, None)


def test_a_page_with_exactly_the_remaining_rows_is_the_last(engine: Engine) -> None:
    """
    0  feed  a  1  OK
    1  feed  b  2  OK
    """
    assert traces.page(engine, ALWAYS, size=2).attrs["next"] is None


@pytest.mark.parametrize("size", [0, -1, 10_001])
def test_a_page_has_1_to_10000_rows(engine: Engine, size: int) -> None:
    with pytest.raises(BadParameter, match=r"size is .*; it must be from 1 to 10,000"):
        traces.page(engine, ALWAYS, size=size)


ROWS = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.integers(START, START + 3),
        st.sampled_from(["OK", "ERROR", "UNSET"]),
        st.one_of(st.none(), st.integers(-1, 2)),
    ).map(lambda row: Row("call", row[0], row[0], row[1], data_type=row[0], status=row[2], duration_ns=row[3])),  # type: ignore[arg-type]
    max_size=12,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(rows=ROWS, size=st.integers(1, 5), sort=st.sampled_from(paging.SORTS))
def test_all_pages_together_are_all_rows(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Row], size: int, sort: str
) -> None:
    path = tmp_path_factory.mktemp("pages") / "trace.db"
    table.store(path, rows)
    with Engine(path) as engine:
        whole = all_ids(engine, 1_000, sort=sort)
        assert sorted(whole) == list(range(1, len(rows) + 1))
        assert all_ids(engine, size, sort=sort) == whole


def test_the_total_is_exact_up_to_its_budget(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    0  feed  a  1  OK
    1  feed  b  2  OK
    2  feed  c  3  ERROR
    """
    assert traces.total(engine, ALWAYS).to_numpy().tolist() == [[3, True]]
    assert traces.total(engine, ALWAYS, row_filter=RowFilter(errors=True)).to_numpy().tolist() == [[1, True]]
    assert traces.total(engine, ALWAYS, most=2).to_numpy().tolist() == [[2, False]]
    monkeypatch.setattr(traces, "COUNTING_S", -1.0)
    monkeypatch.setattr(sqlite_reader, "_STEPS", 1)
    assert traces.total(engine, ALWAYS).to_numpy().tolist() == [[0, False]]


def test_a_row_has_children_if_another_row_names_it_in_its_trace(engine: Engine) -> None:
    """
    seconds  kind   process  data  trace_id  span_id  parent_span_id
    0        call   feed     a     t1        s1       -
    1        call   feed     b     t1        s2       s1
    2        value  feed     v     t1        -        s2
    3        call   feed     c     t2        s1       -
    4        call   feed     d     t2        s9       s9
    5        call   feed     e     -         s1       s1
    """
    page = traces.page(engine, ALWAYS, sort="-time")
    assert page["has_children"].tolist() == [True, True, False, False, False, False]


def test_children_are_the_calls_and_values_directly_under_a_call(engine: Engine) -> None:
    """
    seconds  kind   process  data  trace_id  span_id  parent_span_id
    0        call   feed     a     t1        s1       -
    2        value  feed     v     t1        -        s1
    1        call   feed     b     t1        s2       s1
    3        call   feed     c     t1        s3       s2
    4        call   feed     d     t2        s4       s1
    """
    answer = traces.children(engine, ALWAYS, trace_id="t1", span_id="s1")
    assert answer["Data"].tolist() == ["b", "v"]
    assert answer["has_children"].tolist() == [True, False]
    first = traces.children(engine, ALWAYS, trace_id="t1", span_id="s1", size=1)
    rest = traces.children(engine, ALWAYS, trace_id="t1", span_id="s1", size=1, after=first.attrs["next"])
    assert (first["id"].tolist(), rest["id"].tolist(), rest.attrs["next"]) == ([3], [2], None)
    assert answer.columns.tolist() == traces.page(engine, ALWAYS).columns.tolist()


def test_a_tree_is_the_whole_trace_with_depths_offsets_and_self_times(engine: Engine) -> None:
    """
    seconds  kind   process  data  trace_id  span_id  parent_span_id  duration_ms  process_group
    10       call   feed     root  t1        s1       -               5000         red
    11       call   feed     one   t1        s2       s1              1000         blue
    11.5     call   feed     two   t1        s3       s1              1000         blue
    12       value  feed     v     t1        -        s3              -            blue
    13       call   feed     lost  t1        s4       gone            100          blue
    14       log    feed     note  t1        s5       s1              -            red
    10       call   feed     else  t2        s1       -               1            red
    """
    answer = traces.tree(engine, Window(0, 1), group="red", trace_id="t1")
    assert answer["Data"].tolist() == ["root", "one", "two", "v", "note", "lost"]
    assert answer["depth"].tolist() == [1, 2, 2, 3, 2, 1]
    assert answer["orphan"].tolist() == [False] * 5 + [True]
    assert answer["start_offset_ms"].tolist() == [0, 1000, 1500, 2000, 4000, 3000]
    assert answer["self_ms"].fillna(-1).tolist() == [3500, 1000, 1000, -1, -1, 100]
    assert not answer["cyclic"].any()


def test_a_tree_with_a_cycle_has_every_row_once(engine: Engine) -> None:
    """
    seconds  process  data  trace_id  span_id  parent_span_id
    0        feed     a     t1        s1       s2
    1        feed     b     t1        s2       s1
    """
    answer = traces.tree(engine, ALWAYS, trace_id="t1")
    assert answer[["Data", "depth", "cyclic"]].to_numpy().tolist() == [["a", 1, True], ["b", 2, False]]


def test_a_missing_trace_is_a_tree_without_rows(engine: Engine) -> None:
    """
    0  feed  a  1  OK
    """
    answer = traces.tree(engine, ALWAYS, trace_id="nowhere")
    assert answer.empty
    assert answer.columns.tolist()[:4] == ["kind", "span_id", "parent_span_id", "depth"]


def test_a_row_has_the_whole_text_that_a_page_cuts(log: Path, engine: Engine) -> None:
    long = "x" * 100_000
    table.store(log, [Row("value", "feed", "v", START, data_value=long, attributes='{"a": 1}', duration_ns=1_500_000)])
    assert traces.page(engine, ALWAYS)["Data Value"].str.len().tolist() == [paging.LONGEST_CELL]
    (row,) = traces.row(engine, ALWAYS, id=1).to_dict("records")
    assert (row["data_value"], row["attributes"], row["duration_ms"]) == (long, '{"a": 1}', 1.5)
    assert traces.row(engine, ALWAYS, id=2).empty

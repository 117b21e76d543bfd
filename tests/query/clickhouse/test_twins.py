"""Each twin answers as DuckDB and SQLite do on the same spans and records."""

import json
import math
from collections.abc import Callable
from importlib import resources
from typing import Any, Final

import numpy as np
import pandas as pd
import pytest
from pandas import DataFrame

from obs_core.clock import SECOND, Window
from obs_core.query import export
from obs_core.query.engine import clickhouse_twins, planner
from obs_core.query.engine.engine import Engine
from obs_core.query.engine.sql_file import names, sql_file
from obs_core.query.filters.row_filter import RowFilter
from obs_core.query.questions import facets, functions, inspector, overview, timeline, trace_list, traces, versions
from tests.support.table import START_NS

WINDOW: Final = Window(START_NS + 600 * SECOND, START_NS + 3_000 * SECOND)
ALL_TIMES: Final = Window(-(2**63), 2**63 - 1)
NO_ROWS: Final = Window(START_NS + 100_000 * SECOND, START_NS + 100_001 * SECOND)
OWN: Final = ("id", "slowest_id")
"""Columns that name a row, which each source does in its own way."""

Question = Callable[..., DataFrame]

ANALYTICAL: Final[list[tuple[Question, dict[str, Any]]]] = [
    (overview.summary, {}),
    (overview.summary, {"group": "shop"}),
    (overview.throughput, {}),
    (overview.throughput, {"bucket": "5m", "group": "unknown_service"}),
    (overview.groups, {}),
    (overview.processes, {}),
    (functions.performance, {}),
    (functions.performance, {"by": "data", "group": "shop"}),
    (functions.performance, {"function": "shop.load"}),
    (functions.history, {}),
    (functions.history, {"function": "shop.load", "group": "shop"}),
    (functions.list_, {}),
    (functions.names, {"search": "BÜR"}),
    (functions.names, {}),
    (functions.changes, {}),
    (functions.trends, {"names": ("lo*", ""), "functions": ("", "shop.?rice"), "percentiles": (50.0, 95.0)}),
    (inspector.measures, {"function": "shop.price"}),
    (inspector.measures, {"function": "load", "group": "shop"}),
    (inspector.callers, {"function": "shop.price"}),
    (inspector.callees, {"function": "shop.price"}),
    (inspector.durations, {"function": "shop.load"}),
    (inspector.rank, {"function": "shop.load", "duration_ns": 3_000_000}),
    (inspector.failures, {"function": "shop.parse"}),
    (inspector.recent, {"function": "shop.parse"}),
    (inspector.recorded_values, {"function": "shop.parse"}),
    (versions.list_, {"function": "shop.parse"}),
    (timeline.rows, {}),
    (timeline.rows, {"row_filter": RowFilter(status="ERROR", kind="call", min_ms=1.0)}),
    (timeline.rows, {"row_filter": RowFilter(search="größe")}),
    (overview.recent_errors, {"size": 50}),
    (overview.exceptions, {}),
    (overview.exceptions, {"group": "billing"}),
    (overview.restarts, {}),
]
FILTERS: Final = [
    RowFilter(),
    RowFilter(status="ERROR", kind="call"),
    RowFilter(process="shop-2"),
    RowFilter(kind="log"),
    RowFilter(errors=True),
    RowFilter(roots=True),
    RowFilter(level="WARN"),
    RowFilter(search="größe"),
    RowFilter(search="BÜRO"),
    RowFilter(search="100%"),
    RowFilter(function="shop.load"),
    RowFilter(data_type="string"),
    RowFilter(exception_type="ValueError"),
    RowFilter(min_ms=3.0, max_ms=10.0),
    RowFilter(where="http.status_code >= 404"),
    RowFilter(where="http.status_code = 404 and user in u1, u2"),
    RowFilter(where="user != u1"),
    RowFilter(where="user contains U1"),
    RowFilter(where="logger exists"),
    RowFilter(where="user matches ^u[12]$"),
    RowFilter(where="user starts with U"),
]


def _label(given: object) -> str:
    if callable(given):
        return f"{given.__module__.rpartition('.')[2]}.{getattr(given, '__name__', '')}"
    return ",".join(f"{key}={value}" for key, value in sorted(vars_of(given).items()))[:60]


def vars_of(given: object) -> dict[str, Any]:
    """The parameters, or the fields of a filter that are set."""
    if isinstance(given, RowFilter):
        fields = RowFilter.__dataclass_fields__
        return {name: getattr(given, name) for name in fields if getattr(given, name) not in (None, False)}
    return given if isinstance(given, dict) else {"": given}


def records(answer: DataFrame) -> list[dict[str, Any]]:
    """The rows as plain data; ids are left out, also the ids of log records, which every source makes itself."""
    rows = [{str(name): plain(cell) for name, cell in row.items()} for row in answer.to_dict("records")]
    for row in rows:
        if row.get("kind") == "log":
            row.pop("span_id", None)
        if "services" in row:
            row["services"] = sorted(json.loads(str(row["services"])))
        for name in OWN:
            row.pop(name, None)
    return rows


def plain(cell: object) -> object:
    """A cell without the types of pandas and numpy; what is missing is None."""
    if isinstance(cell, list | np.ndarray):
        return [plain(one) for one in cell]
    if isinstance(cell, np.generic):
        cell = cell.item()
    return None if cell is None or cell is pd.NA or (isinstance(cell, float) and math.isnan(cell)) else cell


def assert_same(answer: DataFrame, expected: DataFrame) -> None:
    """The columns are the same in the same order, and the rows: texts and counts exactly, other numbers to 1e-12."""
    assert answer.columns.tolist() == expected.columns.tolist()
    rows, reference = records(answer), records(expected)
    assert len(rows) == len(reference)
    for row, wanted in zip(rows, reference, strict=True):
        for name, cell in wanted.items():
            assert row[name] == (pytest.approx(cell, rel=1e-12) if _is_measured(cell) else cell), name


def _is_measured(cell: object) -> bool:
    """Whether the cell is a number with a fraction, or a list of such."""
    return isinstance(cell, float) or (isinstance(cell, list) and bool(cell) and isinstance(cell[0], float))


@pytest.mark.parametrize(("question", "parameters"), ANALYTICAL, ids=_label)
def test_a_twin_answers_as_duckdb(store: Engine, local: Engine, question: Question, parameters: dict[str, Any]) -> None:
    assert_same(question(store, WINDOW, **parameters), question(local, WINDOW, **parameters))


@pytest.mark.parametrize(("question", "parameters"), ANALYTICAL, ids=_label)
def test_a_window_without_rows_has_the_same_answer(
    store: Engine, local: Engine, question: Question, parameters: dict[str, Any]
) -> None:
    answer, expected = question(store, NO_ROWS, **parameters), question(local, NO_ROWS, **parameters)
    assert_same(answer, expected)


def test_a_window_of_all_times_has_all_rows(store: Engine, local: Engine) -> None:
    questions: tuple[Question, ...] = (
        overview.summary,
        overview.groups,
        overview.processes,
        timeline.rows,
        traces.total,
    )
    for question in questions:
        assert_same(question(store, ALL_TIMES), question(local, ALL_TIMES))
    exported = [sum(map(len, export.pieces(one, ALL_TIMES))) for one in (store, local)]
    assert exported[0] == exported[1] == traces.total(local, ALL_TIMES)["rows"].iloc[0]


@pytest.mark.parametrize("row_filter", FILTERS, ids=_label)
def test_a_filter_selects_the_same_rows(store: Engine, local: Engine, row_filter: RowFilter) -> None:
    expected = traces.page(local, WINDOW, row_filter=row_filter, size=2_000)
    assert_same(traces.page(store, WINDOW, row_filter=row_filter, size=2_000), expected)
    assert traces.total(store, WINDOW, row_filter=row_filter)["rows"].tolist() == [len(expected)]


@pytest.mark.parametrize("row_filter", [FILTERS[0], FILTERS[4], FILTERS[7], FILTERS[15]], ids=_label)
def test_traces_and_facets_of_a_filter_are_the_same(store: Engine, local: Engine, row_filter: RowFilter) -> None:
    questions: tuple[Question, ...] = (trace_list.page, trace_list.total, facets.facets)
    for question in questions:
        given = {"row_filter": row_filter, "group": "shop" if row_filter.errors else None}
        assert_same(question(store, WINDOW, **given), question(local, WINDOW, **given))


def test_facets_of_attributes_are_the_same_where_the_exporter_keeps_their_text(store: Engine, local: Engine) -> None:
    assert_same(facets.attributes(store, WINDOW), facets.attributes(local, WINDOW))


@pytest.mark.parametrize("sort", ["-time", "duration", "-duration", "status", "process", "-data", "exception"])
def test_pages_in_every_order_continue_where_the_last_one_ended(store: Engine, local: Engine, sort: str) -> None:
    expected = traces.page(local, WINDOW, group="shop", sort=sort, size=300)
    first = traces.page(store, WINDOW, group="shop", sort=sort, size=120)
    second = traces.page(store, WINDOW, group="shop", sort=sort, size=180, after=first.attrs["next"])
    assert_same(pd.concat([first, second], ignore_index=True), expected)
    listed = trace_list.page(local, WINDOW, sort=sort, size=40)
    first = trace_list.page(store, WINDOW, sort=sort, size=15)
    second = trace_list.page(store, WINDOW, sort=sort, size=25, after=first.attrs["next"])
    assert_same(pd.concat([first, second], ignore_index=True), listed)


def test_a_trace_its_rows_and_their_attributes_are_the_same(store: Engine, local: Engine) -> None:
    pages = [traces.page(one, WINDOW, row_filter=RowFilter(errors=True), size=30) for one in (store, local)]
    for number in range(0, 30, 5):
        ids = [int(page["id"].iloc[number]) for page in pages]
        answer, expected = (traces.row(one, WINDOW, id=row) for one, row in zip((store, local), ids, strict=True))
        own, reference = (json.loads(row["attributes"].iloc[0]) for row in (answer, expected))
        assert _texts(own) == _texts(reference)
        assert_same(answer.drop(columns="attributes"), expected.drop(columns="attributes"))
        named = [traces.attributes(one, WINDOW, id=row) for one, row in zip((store, local), ids, strict=True)]
        assert sorted(named[0]["name"]) == sorted(named[1]["name"])
        trace = str(pages[1]["trace_id"].iloc[number] or "")
        assert_same(traces.tree(store, WINDOW, trace_id=trace), traces.tree(local, WINDOW, trace_id=trace))
        span = str(pages[1]["parent_span_id"].iloc[number] or "")
        below = [traces.children(one, WINDOW, trace_id=trace, span_id=span) for one in (store, local)]
        assert_same(*below)


def test_an_export_has_the_same_rows_in_the_same_order(store: Engine, local: Engine) -> None:
    for row_filter in (RowFilter(), RowFilter(errors=True)):
        exported = [
            [row for piece in export.pieces(one, WINDOW, row_filter=row_filter, size=101) for row in piece]
            for one in (store, local)
        ]
        left_out = ("attributes", "span_id")  # texts in the store, and of log records its own
        rows = [[{k: v for k, v in row._asdict().items() if k not in left_out} for row in of] for of in exported]
        assert rows[0] == rows[1]
    trace = str(exported[1][0].trace_id)
    times = [[row.timestamp for row in export.trace(one, trace)] for one in (store, local)]
    assert times[0] == times[1]
    page = traces.page(store, WINDOW, row_filter=RowFilter(exception_type="ValueError"))
    failed = page.to_dict("records")[0]
    assert export.cell(store, int(failed["id"]), "exception") == failed["Exception"]
    assert export.width(store, WINDOW)["bytes"].iloc[0] > 100


def test_what_has_no_twin_is_known(store: Engine) -> None:
    without = {name for name in names() if clickhouse_twins.twin(name) is None}
    ways = {name: planner.way_of_store(sql_file(name), has_twin=False) for name in without}
    assert {name for name, way in ways.items() if way == "streamed"} == {"functions/trends", "traces/texts"}
    assert {name for name, way in ways.items() if way == "nothing"} == {
        *("overview/restarts", "overview/run_versions", "versions/sources", "versions/list", "versions/compare"),
        *(f"values/{name}" for name in ("constants", "first_seen", "history", "series", "streaks", "trends")),
        *("inspector/carried", "inspector/recorded_values"),
        *("export/edge_by_id", "export/piece_by_id", "export/sized_edge", "export/sized_edge_by_id"),
    }
    files = resources.files("obs_core.query").joinpath("sql")
    twins = {
        f"{folder.name}/{file.name.removesuffix(clickhouse_twins.SUFFIX)}"
        for folder in files.iterdir()
        for file in folder.iterdir()
        if file.name.endswith(clickhouse_twins.SUFFIX)
    }
    assert twins - set(names()) == {"traces/parents", "traces/rows"}
    assert functions.names(store, WINDOW).attrs["way"] == "clickhouse"
    assert functions.trends(store, WINDOW, names=("load",)).attrs["way"] == "streamed"


def _texts(part: object) -> object:
    """JSON with its scalars as texts, as the exporter stores attributes."""
    if isinstance(part, dict):
        numbers = ("span", "time_ns", "severity_number")
        return {name: _texts(value) for name, value in part.items() if name not in numbers}
    return [_texts(one) for one in part] if isinstance(part, list) else str(part)

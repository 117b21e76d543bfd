"""Answers about recorded traces and series equal those of numpy, Jaeger and plain Python."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from obs_core.clock import SECOND, Window, iso_ns
from obs_core.query.engine.engine import Engine
from obs_core.query.filters.row_filter import RowFilter
from obs_core.query.questions import functions, inspector, overview, traces, values
from obs_core.series.streaks import Missing
from tests.support import data, recorded, table

ALWAYS = Window(-(2**62), 2**62)
SETS = {
    "otel-demo": [data.trace_file("otel-demo", "traces_only.jsonl")],
    "trainticket-1min": data.trace_files("trainticket-1min", "otlp_json"),
}
WINDOWS = {
    "last_10s": 10,
    "last_1m": 60,
    "last_5m": 300,
    "last_15m": 900,
    "last_1h": 3600,
    "last_6h": 21600,
    "last_24h": 86400,
}
MEASURES = ("mean_ms", "p50_ms", "p95_ms", "p99_ms", "min_ms", "max_ms")
ROUNDED = 5.001e-7  # the reference has six digits behind the point


class TraceSet:
    """One set of traces in a log."""

    def __init__(self, name: str, engine: Engine) -> None:
        """The set `name`, answered by `engine`."""
        self.name = name
        self.engine = engine
        self.rows = recorded.calls(name)
        self.queries: dict[str, Any] = data.reference(name, "queries.json")

    def ref(self, name: str) -> list[dict[str, str]]:
        """The rows of a file of the reference."""
        return recorded.table(data.trace_file(self.name, f"ref/{name}.csv"))


@pytest.fixture(scope="module", params=SETS)
def traced(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TraceSet]:
    """Each set in turn, imported from what OpenTelemetry sent."""
    path = tmp_path_factory.mktemp("recorded") / "trace.db"
    recorded.imported(path, SETS[request.param])
    with Engine(path, row_cap=None) as engine:
        yield TraceSet(request.param, engine)


def test_performance_by_data_is_the_reference_per_group_and_operation(traced: TraceSet) -> None:
    answer = functions.performance(traced.engine, ALWAYS, by="data").to_dict("records")
    expected = traced.ref("per_group_operation")
    assert [(row["process_group"], row["data"]) for row in answer] == [
        (r["process_group"], r["operation"]) for r in expected
    ]
    for row, ref in zip(answer, expected, strict=True):
        assert (row["calls"], row["timed"], row["errors"]) == (int(ref["count"]), int(ref["timed"]), int(ref["errors"]))
        assert row["error_rate"] == pytest.approx(float(ref["error_rate"]), abs=ROUNDED)
        assert row["self_ms"] == pytest.approx(float(ref["self_ms_sum"]), abs=ROUNDED)
        assert [row[name] for name in MEASURES] == pytest.approx([float(ref[name]) for name in MEASURES], abs=ROUNDED)


def test_one_functions_measures_are_the_references_per_operation(traced: TraceSet) -> None:
    latest = traced.queries["latest_start_ns"]
    whole = Window(latest - 24 * 3600 * SECOND, latest + 1)
    named = set(functions.performance(traced.engine, ALWAYS)["function"])  # some spans name their function
    expected = [ref for ref in traced.ref("per_operation") if ref["operation"] in named][:40]
    assert len(expected) > 20
    for ref in expected:
        (row,) = inspector.measures(traced.engine, whole, function=ref["operation"]).to_dict("records")
        assert (row["calls"], row["timed"], row["errors"]) == (int(ref["count"]), int(ref["timed"]), int(ref["errors"]))
        assert row["self_ms"] == pytest.approx(float(ref["self_ms_sum"]), abs=ROUNDED)
        assert [row[name] for name in MEASURES] == pytest.approx([float(ref[name]) for name in MEASURES], abs=ROUNDED)


def test_percentiles_are_numpys_within_1e_9(traced: TraceSet) -> None:
    for row in functions.performance(traced.engine, ALWAYS, by="data").to_dict("records"):
        spans = [
            call.duration_ns
            for call in traced.rows
            if (call.process_group, call.data) == (row["process_group"], row["data"])
        ]
        exact = np.quantile(np.array(spans, dtype="float64"), [0.5, 0.95, 0.99], method="linear") / 1e6
        assert [row["p50_ms"], row["p95_ms"], row["p99_ms"]] == pytest.approx(exact.tolist(), rel=1e-9)


def test_minutes_are_the_references(traced: TraceSet) -> None:
    counted = overview.throughput(traced.engine, ALWAYS, bucket="1m").to_dict("records")
    timed = functions.history(traced.engine, ALWAYS, bucket="1m").to_dict("records")
    for row, times, ref in zip(counted, timed, traced.ref("per_minute"), strict=True):
        assert row["bucket_ns"] == times["bucket_ns"] == iso_ns(ref["minute_utc"])
        assert (row["calls"], row["errors"]) == (int(ref["spans"]), int(ref["errors"]))
        assert row["error_rate"] == pytest.approx(float(ref["error_rate"]), abs=ROUNDED)
        names = ("p50_ms", "p95_ms", "p99_ms")
        assert [times[name] for name in names] == pytest.approx([float(ref[name]) for name in names], abs=ROUNDED)


def test_groups_are_the_references(traced: TraceSet) -> None:
    answer = overview.groups(traced.engine, ALWAYS).set_index("process_group")
    expected = traced.ref("per_process_group")
    assert set(answer.index) == {ref["process_group"] for ref in expected}
    for ref in expected:
        row = answer.loc[ref["process_group"]]
        assert (row["rows"], row["calls"], row["errors"]) == (int(ref["count"]), int(ref["count"]), int(ref["errors"]))
        assert row["p95_ms"] == pytest.approx(float(ref["p95_ms"]), abs=ROUNDED)
        assert row["impact_ms"] == pytest.approx(float(ref["sum_ms"]), abs=ROUNDED)


@pytest.mark.parametrize("name", WINDOWS)
def test_windows_contain_the_references_rows(traced: TraceSet, name: str) -> None:
    latest = traced.queries["latest_start_ns"]
    window = Window(latest - WINDOWS[name] * SECOND + 1, latest + 1)
    (row,) = overview.summary(traced.engine, window).to_dict("records")
    expected = traced.queries[name]
    assert {"rows": row["calls"], "errors": row["errors"], "traces": row["traces"]} == expected
    assert traces.total(traced.engine, window)["rows"].tolist() == [expected["rows"]]
    assert traces.total(traced.engine, window, row_filter=RowFilter(errors=True))["rows"].tolist() == [
        expected["errors"]
    ]


def test_the_newest_errors_are_the_references(traced: TraceSet) -> None:
    answer = overview.recent_errors(traced.engine, ALWAYS)
    for row, ref in zip(answer.to_dict("records"), traced.queries["latest_10_errors"], strict=True):
        assert (row["timestamp"], row["data"]) == (ref["start_ns"], ref["operation"])
        assert (row["trace_id"], row["span_id"]) == (ref["trace_id"], ref["span_id"])
        assert ref["exc_type"] in row["exception"]
        assert ref["exc_msg"][:100] in row["exception"]


def test_the_slowest_are_the_references(traced: TraceSet) -> None:
    answer = traces.page(traced.engine, ALWAYS, sort="duration", size=10)
    assert answer["span_id"].tolist() == [ref["span_id"] for ref in traced.queries["slowest_10"]]
    assert answer["duration_ms"].tolist() == pytest.approx([ref["duration_ms"] for ref in traced.queries["slowest_10"]])


def test_a_search_returns_every_row_with_the_text_in_its_operation(traced: TraceSet) -> None:
    arguments = traced.queries["operation_contains_ci"] | traced.queries["operation_contains_special"]
    for name, count in arguments.items():
        answer = traces.page(traced.engine, ALWAYS, row_filter=RowFilter(search=name), size=10_000)
        assert answer["Data"].str.casefold().str.contains(name, regex=False).sum() == count
        texts = answer[["Process", "Data", "Exception"]].fillna("").to_numpy().tolist()
        assert all(name in "\n".join(row).casefold() for row in texts)


def test_pages_are_the_references_if_equal_times_have_the_same_order(traced: TraceSet) -> None:
    whole: list[dict[Any, Any]] = []
    after = None
    while True:
        page = traces.page(traced.engine, ALWAYS, size=50, after=after)
        whole += page.to_dict("records")
        if not (after := page.attrs["next"]):
            break
    assert [row["Timestamp"] for row in whole] == sorted((row["Timestamp"] for row in whole), reverse=True)
    assert len(whole) == len(traced.rows) == len({row["id"] for row in whole})
    whole.sort(key=lambda row: (-row["Timestamp"], row["trace_id"], row["span_id"]))
    for number, spans in traced.queries["pages_of_50"].items():
        start = 50 * (int(number) - 1)
        assert [row["span_id"] for row in whole[start : start + 50]] == spans


def test_trees_are_the_references(traced: TraceSet) -> None:
    for ref in traced.ref("trees"):
        tree = traces.tree(traced.engine, ALWAYS, trace_id=ref["trace_id"])
        roots = tree[(tree["depth"] == 1) & ~tree["orphan"]]
        answer = (len(tree), len(roots), int(tree["orphan"].sum()), int(tree["depth"].max()))
        assert answer == (int(ref["spans"]), int(ref["roots"]), int(ref["orphans"]), int(ref["max_depth"]))
        assert int(tree["parent_span_id"].value_counts().max() if len(tree) > 1 else 0) == int(ref["max_children"])
        assert (tree["Status"] == "ERROR").sum() == int(ref["errors"])
        assert tree["Timestamp"].min() == int(ref["start_ns"])
        if len(roots):
            assert roots["Data"].tolist() == [ref["root_operation"]]


def test_self_times_of_trees_add_up_to_those_of_functions(traced: TraceSet) -> None:
    trees = [traces.tree(traced.engine, ALWAYS, trace_id=ref["trace_id"]) for ref in traced.ref("trees")]
    whole = functions.performance(traced.engine, ALWAYS)["self_ms"].sum()
    assert sum(tree["self_ms"].sum() for tree in trees) == pytest.approx(whole, rel=1e-9)


VECTORS = [
    vector
    for vector in data.content(data.trace_file("jaeger-ui", "peer_trace_vectors.json"))["self_time"]
    if vector["group_by"] in ("Service Name", "Operation Name")
]


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["test"] for vector in VECTORS])
def test_self_time_is_jaegers(vector: dict[str, Any], log: Path, engine: Engine) -> None:
    rows = recorded.jaeger_calls(vector["trace"])
    table.store(log, rows)
    tree = traces.tree(engine, ALWAYS, trace_id=rows[0].trace_id or "")
    column = "process_group" if vector["group_by"] == "Service Name" else "Data"
    first_seen = dict.fromkeys(tree[column])
    for index, expected in vector["rows_by_index"].items():
        mine = tree[tree[column] == list(first_seen)[int(index)]]["self_ms"]
        assert mine.sum() == pytest.approx(expected["selfTotal"], abs=0.00501)
        if "selfMax" in expected:
            assert (mine.min(), mine.max()) == pytest.approx((expected["selfMin"], expected["selfMax"]), abs=0.00501)


SERIES = (
    "dev_boutique_python_pods.csv",
    "dev_nab_ec2_disk.csv",
    "dev_nab_negative.csv",
    "dev_pecos_simple.csv",
    "dev_pv_inverter_inserted.csv",
    "dev_tide_gauge.csv",
)


def series_of(name: str) -> set[tuple[str, str]]:
    """The series in a file."""
    return {(row["Process"], row["Data"]) for row in recorded.table(data.series_file(name))}


@pytest.fixture(scope="module")
def sensors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """All series in one log."""
    path = tmp_path_factory.mktemp("series") / "trace.db"
    recorded.imported(path, [data.series_file(name) for name in SERIES])
    with Engine(path) as engine:
        yield engine


@pytest.mark.parametrize(
    ("missing", "files"),
    [("break", ["runs_break"]), ("skip", ["runs_skip"]), ("value", ["runs_break", "runs_missing"])],
)
def test_streaks_are_every_run_of_the_reference_and_no_other(
    sensors: Engine, missing: Missing, files: list[str]
) -> None:
    there = {series for name in SERIES for series in series_of(name)}
    expected = sorted(
        (
            ref["process"],
            ref["variable"],
            iso_ns(ref["start_ts"]),
            iso_ns(ref["end_ts"]),
            int(ref["length"]),
            ref["ongoing"] == "1",
        )
        for file in files
        for ref in recorded.table(data.series_file(f"{file}.csv"))
        if (ref["process"], ref["variable"]) in there
    )
    answer = values.streaks(sensors, ALWAYS, missing=missing)
    columns = ["process", "data", "start_ns", "end_ns", "length", "ongoing"]
    assert len(expected) > 350
    assert sorted(answer[columns].itertuples(index=False, name=None)) == expected


def test_the_tide_gauge_was_stuck_for_six_months_within_a_small_tolerance(sensors: Engine) -> None:
    exact = values.streaks(sensors, ALWAYS, process="water_level", threshold=700)["length"].tolist()
    near = values.streaks(sensors, ALWAYS, process="water_level", threshold=700, tolerance=1e-4)["length"].tolist()
    assert {3503, 709} <= set(exact)
    assert 4212 in near
    assert not {3503, 709} & set(near)


def test_a_series_that_moves_has_no_streak(sensors: Engine) -> None:
    for process, name in series_of("dev_nab_negative.csv"):
        assert values.streaks(sensors, ALWAYS, process=process, data=name).empty
        assert len(values.history(sensors, ALWAYS, process=process, data=name)) == 5_000

"""Every recorded set of traces, through every form that it comes in, gives the answers of its reference.

The reference was made with numpy and plain Python from the recordings; what is compared here is counted with numpy and
plain Python from the stored rows.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from obs_core.clock import iso_ns
from obs_core.ingest.files import import_file
from obs_core.store import log
from tests.support import data, recorded

MICRO = 1_000
ROUNDED = 5.001e-7  # the reference has six digits behind the point
MEASURES: Mapping[str, Callable[[np.ndarray], np.floating]] = {
    "mean_ms": np.mean,
    "p50_ms": lambda spans: np.quantile(spans, 0.5),
    "p95_ms": lambda spans: np.quantile(spans, 0.95),
    "p99_ms": lambda spans: np.quantile(spans, 0.99),
    "min_ms": np.min,
    "max_ms": np.max,
    "sum_ms": np.sum,
}
SETS: dict[tuple[str, str], list[Path]] = {
    ("otel-demo", "OTLP JSON lines"): [data.trace_file("otel-demo", "traces_only.jsonl")],
    ("otel-demo", "OTLP protobuf"): data.trace_files("otel-demo", "otlp_pb"),
    ("otel-demo", "Jaeger JSON"): [data.trace_file("otel-demo", "jaeger.json")],
    ("otel-demo", "spans CSV"): [data.trace_file("otel-demo", "spans.csv")],
    ("flaskr-otel", "OTLP JSON lines"): [data.trace_file("flaskr-otel", "flaskr_traces.jsonl")],
} | {
    (name, form): files
    for name in ("trainticket-1min", "trainticket-fault-3min")
    for form, files in {
        "OTLP JSON": data.trace_files(name, "otlp_json"),
        "OTLP protobuf": data.trace_files(name, "otlp_pb"),
        "Jaeger JSON": [data.trace_file(name, "jaeger.json")],
        "spans CSV": [data.trace_file(name, "spans.csv")],
    }.items()
}


class Call(NamedTuple):
    """A stored call, in the words of the reference."""

    process_group: str
    process: str
    operation: str
    trace_id: str
    span_id: str
    parent_id: str | None
    start_ns: int
    duration_ns: int | None
    status: str
    exception: str | None


class Recording(NamedTuple):
    """A set of traces as it was stored from one of its forms; `slack_ns` is what that form can't say."""

    name: str
    calls: list[Call]
    slack_ns: int
    folder: str = "ref"

    @property
    def slack_ms(self) -> float:
        return self.slack_ns / 1e6 + ROUNDED

    def ref(self, name: str) -> list[dict[str, str]]:
        """The rows of a file of the reference."""
        return recorded.table(data.trace_file(self.name, f"{self.folder}/{name}.csv"))


def stored(path: Path, files: Iterable[Path]) -> list[Call]:
    connection = log.open_log(path)
    for file in files:
        import_file(connection, file, now=0)
    columns = (
        "process_group, process, data, trace_id, span_id, parent_span_id, timestamp, duration_ns, status, exception"
    )
    result = connection.execute(f"SELECT {columns} FROM data_trace WHERE kind = 'call' ORDER BY id").fetchall()
    connection.close()
    return [Call(*row) for row in result]


@pytest.fixture(scope="module", params=SETS, ids=" as ".join)
def recording(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Recording:
    name, form = request.param
    calls = stored(tmp_path_factory.mktemp("recordings") / "trace.db", SETS[request.param])
    return Recording(name, calls, MICRO if form == "Jaeger JSON" else 0)


def check(recording: Recording, file: str, key: Callable[[Call], tuple[str, ...]], columns: tuple[str, ...]) -> None:
    """Hold the calls, grouped by `key`, against the reference `file`; its `columns` name the groups."""
    groups: dict[tuple[str, ...], list[Call]] = defaultdict(list)
    for call in recording.calls:
        groups[key(call)].append(call)
    expected = recording.ref(file)
    assert groups.keys() == {tuple(ref[column] for column in columns) for ref in expected}
    for ref in expected:
        calls = groups[tuple(ref[column] for column in columns)]
        spans = np.array([call.duration_ns for call in calls if call.duration_ns is not None], dtype="float64") / 1e6
        assert (len(calls), len(spans)) == (int(ref["count"]), int(ref["timed"]))
        assert sum(call.status == "ERROR" for call in calls) == int(ref["errors"])
        for name, measure in MEASURES.items():
            slack = recording.slack_ms * (len(calls) if name == "sum_ms" else 1)
            assert float(measure(spans)) == pytest.approx(float(ref[name]), abs=slack), name


def test_operations_of_groups_are_the_reference_s(recording: Recording) -> None:
    key = ("process_group", "operation")
    check(recording, "per_group_operation", lambda call: (call.process_group, call.operation), key)


def test_groups_are_the_reference_s(recording: Recording) -> None:
    check(recording, "per_process_group", lambda call: (call.process_group,), ("process_group",))


def test_processes_are_the_reference_s(recording: Recording) -> None:
    if recording.name == "otel-demo":  # its reference takes the process from host.name
        assert {call.process for call in recording.calls}
    else:
        check(recording, "per_process", lambda call: (call.process,), ("process",))


def test_minutes_are_the_reference_s(recording: Recording) -> None:
    minutes = Counter(call.start_ns // 60_000_000_000 for call in recording.calls)
    errors = Counter(call.start_ns // 60_000_000_000 for call in recording.calls if call.status == "ERROR")
    for ref in recording.ref("per_minute"):
        minute = (iso_ns(ref["minute_utc"]) or 0) // 60_000_000_000
        assert (minutes[minute], errors[minute]) == (int(ref["spans"]), int(ref["errors"]))


def test_trees_are_the_reference_s(recording: Recording) -> None:
    traces: dict[str, list[Call]] = defaultdict(list)
    for call in recording.calls:
        traces[call.trace_id].append(call)
    expected = recording.ref("trees")
    assert traces.keys() == {ref["trace_id"] for ref in expected}
    for ref in expected:
        calls = {call.span_id: call for call in traces[ref["trace_id"]]}
        roots = [call for call in calls.values() if not call.parent_id]
        orphans = [call for call in calls.values() if call.parent_id and call.parent_id not in calls]
        depth = max(depth_of(call, calls) for call in calls.values())
        assert (len(calls), len(roots), len(orphans)) == (int(ref["spans"]), int(ref["roots"]), int(ref["orphans"]))
        assert depth == int(ref["max_depth"])
        assert [call.operation for call in roots] == ([ref["root_operation"]] if roots else [])
        start = min(call.start_ns for call in calls.values())
        end = max(call.start_ns + (call.duration_ns or 0) for call in calls.values())
        assert start == pytest.approx(int(ref["start_ns"]), abs=recording.slack_ns)
        assert (end - start) / 1e6 == pytest.approx(float(ref["duration_ms"]), abs=2 * recording.slack_ms)


def depth_of(call: Call, calls: Mapping[str, Call]) -> int:
    depth = 1
    while call.parent_id and call.parent_id in calls:
        call = calls[call.parent_id]
        depth += 1
    return depth


@pytest.mark.parametrize(
    ("name", "file"),
    [("otel-demo", "jaeger.json"), ("trainticket-1min", "jaeger.json"), ("trainticket-fault-3min", "jaeger.json")],
)
def test_jaeger_s_spans_are_those_of_the_csv_to_a_microsecond(tmp_path: Path, name: str, file: str) -> None:
    jaeger = {(c.trace_id, c.span_id): c for c in stored(tmp_path / "a.db", [data.trace_file(name, file)])}
    plain = {(c.trace_id, c.span_id): c for c in stored(tmp_path / "b.db", [data.trace_file(name, "spans.csv")])}
    assert jaeger.keys() == plain.keys()
    for key, call in plain.items():
        other = jaeger[key]
        assert abs(call.start_ns - other.start_ns) < MICRO
        assert abs((call.duration_ns or 0) - (other.duration_ns or 0)) < MICRO
        assert (other.operation, other.process_group, other.parent_id) == call[2:3] + call[:1] + call[5:6]
        assert (other.status == "ERROR") == (call.status == "ERROR")
        assert other.exception == call.exception


@pytest.mark.parametrize("name", sorted({name for name, _ in SETS} - {"flaskr-otel"}))
def test_all_forms_of_a_set_give_one_set_of_calls(tmp_path: Path, name: str) -> None:
    exact = [files for (item, form), files in SETS.items() if item == name and "Jaeger" not in form]
    columns = (0, 2, 3, 4, 5, 6, 7, 8, 9)
    result = [
        {tuple(call[column] for column in columns) for call in stored(tmp_path / f"{number}.db", files)}
        for number, files in enumerate(exact)
    ]
    assert len(result) == 3
    assert result[0] == result[1] == result[2]


JAEGER = data.DATA / "traces" / "jaeger-ui"
TINY = {
    file.name.removesuffix(".json.gz"): file for file in sorted((JAEGER / "tableValuesTestTrace").glob("*.json.gz"))
} | {
    "otlp2jaeger-out": JAEGER / "otlp2jaeger-out.json.gz",
    "oltp2jaeger-multi-out": JAEGER / "otlp2jaeger-multi-in-combined.json.gz",
}


@pytest.mark.parametrize("name", TINY)
def test_jaeger_s_own_test_traces_are_the_reference_s(tmp_path: Path, name: str) -> None:
    calls = stored(tmp_path / "trace.db", [TINY[name]])
    slack = MICRO if name == "oltp2jaeger-multi-out" else 0  # Jaeger's answer, from OTLP that has nanoseconds
    tiny = Recording("jaeger-ui", calls, slack, f"ref/{name}")
    check(tiny, "per_process_group", lambda call: (call.process_group,), ("process_group",))
    key = ("process_group", "operation")
    check(tiny, "per_group_operation", lambda call: (call.process_group, call.operation), key)
    refs = tiny.ref("trees")
    assert {call.trace_id.lstrip("0") for call in calls} == {ref["trace_id"].lstrip("0") for ref in refs}
    assert {len(call.trace_id) for call in calls} == {9 if name == "testTrace" else 32}  # names stay, hex is padded
    spans = {call.span_id: call for call in calls}
    orphans = sum(call.parent_id is not None and call.parent_id not in spans for call in calls)
    assert orphans == sum(int(ref["orphans"]) for ref in refs)
    assert max(depth_of(call, spans) for call in calls) == max(int(ref["max_depth"]) for ref in refs)

"""Chrome trace events: expectations by hand, and by plain Python from a file that viztracer recorded."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obs_core.errors import FileRefused
from obs_core.ingest.files import import_file
from obs_core.ingest.formats import chrome, detect
from obs_core.ingest.formats.rows import Refused
from obs_core.model import Row
from obs_core.store import log
from tests.support.data import content, trace_file

EPOCH_US = 1_767_225_600_000_000
Interval = tuple[int, int, int]


def parts(document: object) -> tuple[list[Row], list[Refused]]:
    read = list(chrome.rows(document, 1))
    return [part for part in read if isinstance(part, Row)], [part for part in read if isinstance(part, Refused)]


def complete(name: str, start_us: float, duration_us: float, **more: object) -> dict[str, Any]:
    return {"ph": "X", "name": name, "pid": 1, "tid": 1, "ts": EPOCH_US + start_us, "dur": duration_us, **more}


def event(phase: str, start_us: float, **more: object) -> dict[str, Any]:
    return {"ph": phase, "pid": 1, "tid": 1, "ts": EPOCH_US + start_us, **more}


def parents(rows: list[Row]) -> dict[str, str | None]:
    names = {row.span_id: row.data for row in rows}
    return {row.data: None if row.parent_span_id is None else names[row.parent_span_id] for row in rows}


def enclosing(intervals: list[Interval]) -> dict[int, int | None]:
    """The reference: of all intervals that enclose one, the last by start, then by shorter duration, then by index."""
    expected: dict[int, int | None] = {}
    for start, end, index in intervals:
        outer = [
            (other_start, -other_end, other)
            for other_start, other_end, other in intervals
            if (other_start, -other_end, other) < (start, -end, index)
            and start < other_end
            and end <= other_end + 1_000
        ]
        expected[index] = max(outer)[2] if outer else None
    return expected


def test_a_viztracer_recording_is_read_with_its_parents_and_durations() -> None:
    document = content(trace_file("chrome", "viztracer.json"))
    raws = [raw for raw in document["traceEvents"] if raw["ph"] == "X"]
    rows, refused = parts(document)
    assert len(rows) == len(raws) == 84
    assert [(part.parts, part.why[:26]) for part in refused] == [
        (0, "times count from an unknow"),
        (1, "1 events of phase i (insta"),
    ]
    expected: dict[tuple[str, int], int | None] = {}
    for thread in {raw["tid"] for raw in raws}:
        own = [raw for raw in raws if raw["tid"] == thread]
        times = [(round(raw["ts"] * 1000), round(raw["dur"] * 1000)) for raw in own]
        outer = enclosing([(start, start + length, index) for index, (start, length) in enumerate(times)])
        for index, (raw, (start, _)) in enumerate(zip(own, times, strict=True)):
            parent = outer[index]
            expected[raw["name"], start] = None if parent is None else times[parent][0]
    starts = {row.span_id: row.timestamp for row in rows}
    assert {(row.data, row.timestamp): row.parent_span_id and starts[row.parent_span_id] for row in rows} == expected
    durations = sorted(round(raw["dur"] * 1000) for raw in raws)
    assert sorted(row.duration_ns or 0 for row in rows) == durations
    assert {row.process_group for row in rows} == {"MainProcess"}
    assert {row.process for row in rows} == {f"MainProcess [{raws[0]['pid']}]"}
    threads = {json.loads(row.attributes or "")["attributes"]["thread.name"] for row in rows}
    assert threads == {"MainThread", "worker 0", "worker 1"}


@pytest.mark.parametrize("wrap", ["object", "array", "open array", "open array with a comma"])
def test_objects_arrays_and_open_arrays_give_the_same_rows(wrap: str) -> None:
    events = [complete("a", 0, 10), complete("b", 1, 2)]
    text = ",\n".join(json.dumps(raw) for raw in events)
    texts = {
        "object": f'{{"displayTimeUnit": "ns", "traceEvents": [{text}]}}',
        "array": f"[{text}]",
        "open array": f"[{text}",
        "open array with a comma": f"[\n{text},\n",
    }
    read = list(detect.rows(io.BytesIO(texts[wrap].encode()), "file"))
    assert read == parts(events)[0]


def test_an_array_that_ends_inside_an_event_is_refused() -> None:
    text = json.dumps([complete("a", 0, 10), complete("b", 1, 2)])[:-10]
    with pytest.raises(FileRefused, match="line 1 is not complete JSON"):
        list(detect.rows(io.BytesIO(text.encode()), "file"))


def test_an_open_array_of_another_format_is_still_refused() -> None:
    text = '[{"traceId": "5af7183fb1d4cf5f", "id": "352bff9a74ca9ad2", "name": "get"}'
    with pytest.raises(FileRefused, match="line 1 is not complete JSON"):
        list(detect.rows(io.BytesIO(text.encode()), "file"))


def test_begins_and_ends_are_paired_and_nest_with_complete_events() -> None:
    rows, refused = parts(
        [
            event("B", 0, name="outer", args={"a": 1}),
            complete("inner", 2, 3.5),
            event("B", 3, name="innermost"),
            event("E", 5),
            event("E", 10, args={"b": 2}),
            event("B", 11, name="unfinished"),
            complete("late", 12, 1),
            event("E", 3, tid=2),
        ]
    )
    assert parents(rows) == {
        "outer": None, "inner": "outer", "innermost": "inner", "unfinished": None, "late": "unfinished",
    }  # fmt: skip
    durations = {row.data: row.duration_ns for row in rows}
    assert durations == {"outer": 10_000, "inner": 3_500, "innermost": 2_000, "unfinished": None, "late": 1_000}
    assert json.loads(rows[0].attributes or "")["attributes"] == {"a": 1, "b": 2, "thread.id": 1}
    assert [(part.why, part.parts) for part in refused] == [("1 events of phase E without their begin (B)", 1)]


def test_threads_and_processes_do_not_nest_in_one_another() -> None:
    rows, _ = parts([complete("a", 0, 10), complete("b", 1, 2, tid=2), complete("c", 1, 2, pid=2)])
    assert parents(rows) == {"a": None, "b": None, "c": None}
    traces = {row.data: row.trace_id for row in rows}
    assert traces["a"] == traces["b"] != traces["c"]
    assert [row.process for row in rows] == ["process 1 [1]", "process 1 [1]", "process 2 [2]"]


def test_events_of_other_phases_are_counted_by_phase() -> None:
    rows, refused = parts([complete("a", 0, 1), *[event("C", 1)] * 3, event("b", 2), {"ph": "X"}, 7, {"ph": "M"}])
    assert len(rows) == 1
    assert {part.why: part.parts for part in refused} == {
        "3 events of phase C (counter): only X, B, E and M are read": 3,
        "1 events of phase b (async): only X, B, E and M are read": 1,
        "1 events of phase X without a time (ts)": 1,
        "1 events without a phase (ph)": 1,
    }


def test_times_since_1970_are_unchanged_and_others_are_reported_as_relative() -> None:
    [row], refused = parts([complete("a", 0, 1.25)])
    assert (row.timestamp, row.duration_ns, refused) == (EPOCH_US * 1_000, 1_250, [])
    relative = {**complete("a", 0, 1), "ts": 5.125}
    [row], [refusal] = parts([relative])
    assert (row.timestamp, refusal.parts) == (5_125, 0)
    assert "stored as from 1970-01-01" in refusal.why
    [row], refused = parts({"traceEvents": [relative], "baseTimeNanoseconds": EPOCH_US * 1_000})
    assert (row.timestamp, refused) == (EPOCH_US * 1_000 + 5_125, [])


def test_the_same_file_again_changes_nothing_and_another_file_does_not_collide(tmp_path: Path) -> None:
    connection = log.open_log(tmp_path / "trace.db")
    recorded = trace_file("chrome", "viztracer.json")
    first = import_file(connection, recorded, now=1)
    assert (first.stored, first.refused_count) == (84, 1)
    assert import_file(connection, recorded, now=2).stored == 0
    other = content(recorded)
    other["traceEvents"][-1]["args"]["more"] = 1
    file = tmp_path / "other.json"
    file.write_text(json.dumps(other))
    assert import_file(connection, file, now=3).stored == 84
    connection.close()


@given(
    st.lists(
        st.tuples(st.integers(0, 20), st.integers(0, 20), st.sampled_from([0, 300, 1_000])), min_size=1, max_size=12
    )
)
def test_parents_are_those_of_a_search_over_all_pairs(times: list[tuple[int, int, int]]) -> None:
    raws = [complete(str(index), start, length + extra / 1000) for index, (start, length, extra) in enumerate(times)]
    rows, _ = parts(raws)
    intervals = [
        (row.timestamp, row.timestamp + (row.duration_ns or 0), int(row.data))
        for row in sorted(rows, key=lambda row: int(row.data))
    ]
    expected = {str(index): None if outer is None else str(outer) for index, outer in enclosing(intervals).items()}
    assert parents(rows) == expected

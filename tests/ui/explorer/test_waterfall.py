"""The waterfall's snapshot: columns of one length, times as they are, and notes on irregular rows."""

import json
from typing import Any

from pandas import DataFrame

from obs_core.ui.explorer import waterfall

COLUMNS = ["kind", "span_id", "parent_span_id", "depth", "Data", "start_offset_ms", "duration_ms", "self_ms"]


def trace(*rows: tuple[object, ...], **more: str | bool) -> DataFrame:
    frame = DataFrame(list(rows), columns=COLUMNS)
    frame["id"] = range(70, 70 + len(rows))
    rest: dict[str, Any] = {
        "Data Value": None,
        "Status": "OK",
        "Exception": None,
        "orphan": False,
        "process_group": "shop",
    }
    return frame.assign(**(rest | more))


def drawn(tree: DataFrame) -> dict[str, Any]:
    snapshot = waterfall.snapshot(tree, {"shop": ("#000001", "#fffffe")})
    json.dumps(snapshot, allow_nan=False)
    return snapshot


def test_every_row_is_below_its_parent() -> None:
    snapshot = drawn(trace(
        ("call", "a", None, 1, "root", 0.0, 10.0, 5.0),
        ("call", "b", "a", 2, "child", 1.0, 5.0, 4.0),
        ("value", None, "b", 3, "price", 2.0, None, None),
    ))  # fmt: skip
    assert snapshot["parent"] == [-1, 0, 1]
    assert snapshot["id"] == ["a", "b", "row-72"]
    assert snapshot["duration"] == [10.0, 5.0, None]
    assert snapshot["total_ms"] == 10.0
    assert snapshot["groups"] == [["shop", "#000001", "#fffffe"]]
    assert snapshot["group"] == [0, 0, 0]
    assert snapshot["value"] == [2]
    assert {len(snapshot[name]) for name in ("id", "parent", "depth", "name", "start", "duration", "self")} == {3}


def test_different_clocks_and_calls_that_outlive_their_parent_are_drawn_with_a_note() -> None:
    snapshot = drawn(trace(
        ("call", "a", None, 1, "root", 5.0, 10.0, 5.0),
        ("call", "b", "a", 2, "early", 0.0, 6.0, 6.0),
        ("call", "c", "a", 2, "late", 14.0, 9.0, 9.0),
    ))  # fmt: skip
    assert snapshot["start"] == [5.0, 0.0, 14.0]
    assert snapshot["total_ms"] == 23.0
    assert set(snapshot["note"]) == {1, 2}
    assert "clocks" in snapshot["note"][1]
    assert "after its parent" in snapshot["note"][2]


def test_an_orphan_has_a_note_on_its_missing_parent() -> None:
    snapshot = drawn(trace(("call", "b", "gone", 1, "lost", 0.0, 1.0, 1.0), orphan=True))
    assert snapshot["parent"] == [-1]
    assert "not in the log" in snapshot["note"][0]


def test_a_span_id_used_twice_belongs_to_its_first_row() -> None:
    snapshot = drawn(trace(
        ("call", "a", None, 1, "root", 0.0, 9.0, 0.0),
        ("call", "a", "a", 2, "copy", 1.0, 5.0, 0.0),
        ("call", "b", "a", 3, "child", 1.0, 5.0, 5.0),
    ))  # fmt: skip
    assert snapshot["parent"] == [-1, 0, 0]
    assert snapshot["id"] == ["a", "row-71", "b"]


def test_values_show_what_they_carry_and_failed_calls_why() -> None:
    tree = trace(
        ("call", "a", None, 1, "load", 0.0, 9.0, 0.0),
        ("value", None, "a", 2, "price", 1.0, None, None),
    )
    tree["Data Value"] = ["[]", "101\u202e.5"]
    tree["Exception"] = ["OSError: <b>no</b>", None]
    tree["Status"] = ["ERROR", "OK"]
    snapshot = drawn(tree)
    assert snapshot["text"] == {0: "OSError: <b>no</b>", 1: "= 101<U+202E>.5"}
    assert snapshot["error"] == [0]


def test_the_critical_path_is_drawn_at_its_calls() -> None:
    snapshot = drawn(trace(
        ("call", "a", None, 1, "root", 0.0, 10.0, 5.0),
        ("value", None, "a", 2, "price", 1.0, None, None),
        ("call", "b", "a", 2, "child", 2.0, 5.0, 5.0),
    ))  # fmt: skip
    assert snapshot["critical"] == {0: [(7.0, 10.0), (0.0, 2.0)], 2: [(2.0, 7.0)]}


def test_an_untimed_trace_has_no_length_and_no_path() -> None:
    snapshot = drawn(trace(("value", None, None, 1, "price", 0.0, None, None)))
    assert snapshot["total_ms"] == 0.0
    assert snapshot["critical"] == {}


def test_a_trace_without_rows_draws_nothing() -> None:
    assert drawn(trace())["id"] == []

"""Slices of time over a whole window, and marks on them."""

from pandas import DataFrame

from obs_core.clock import Window
from obs_core.ui.shell.chart_view import layered, markers, spread


def test_what_lies_outside_the_log_shows_as_a_gap() -> None:
    slices = DataFrame({"bucket_ns": [100, 110], "calls": [3, 4], "errors": [0, 1], "p95_ms": [1.0, 2.0]})
    whole = spread(slices, Window(50, 200))
    assert whole[["bucket_ns", "until_ns", "calls"]].to_numpy().tolist() == [
        [50, 50, 0],
        [100, 110, 3],
        [110, 120, 4],
        [200, 200, 0],
    ]
    assert whole["p95_ms"].isna().tolist() == [True, False, False, True]


def test_a_window_that_the_slices_fill_gets_no_gap() -> None:
    slices = DataFrame({"bucket_ns": [100, 110], "calls": [3, 4], "errors": [0, 1]})
    assert len(spread(slices, Window(103, 118))) == 2


def test_a_start_is_marked_with_its_version_if_that_changed() -> None:
    starts = DataFrame(
        {
            "started_ns": [1, 2],
            "process": ["web", "web"],
            "version": ["1.0", "1.1"],
            "revision": [None, None],
            "changed": [False, True],
        }
    )
    assert markers(starts)["label"].tolist() == ["web started", "web started as version 1.1"]


def test_frames_beside_each_other_keep_their_rows() -> None:
    assert len(layered(DataFrame({"a": [1, 2]}), DataFrame({"b": [3]}))) == 3

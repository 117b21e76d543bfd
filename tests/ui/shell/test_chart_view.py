"""Slices of time over a whole window, and markers on them."""

from pandas import DataFrame

from obs_core.clock import Window
from obs_core.ui.shell.chart_view import _times, layered, markers, spread


def test_time_outside_the_log_is_a_gap() -> None:
    slices = DataFrame({"bucket_ns": [100, 110], "calls": [3, 4], "errors": [0, 1], "p95_ms": [1.0, 2.0]})
    whole = spread(slices, Window(50, 200))
    assert whole[["bucket_ns", "end_ns", "calls"]].to_numpy().tolist() == [
        [50, 50, 0],
        [100, 110, 3],
        [110, 120, 4],
        [200, 200, 0],
    ]
    assert whole["p95_ms"].isna().tolist() == [True, False, False, True]


def test_the_slices_that_are_only_partly_in_the_window_or_the_log_are_marked() -> None:
    slices = DataFrame({"bucket_ns": [100, 110, 120], "calls": [3, 4, 5], "errors": [0, 1, 0]})
    assert spread(slices, Window(103, 130))["partial"].tolist() == ["partial", "", ""]
    assert spread(slices, Window(100, 128))["partial"].tolist() == ["", "", "partial"]
    assert spread(slices, Window(0, 500), Window(101, 129))["partial"].tolist()[1:-1] == ["partial", "", "partial"]
    assert spread(slices, Window(100, 130))["partial"].tolist() == ["", "", ""]


def test_a_window_filled_by_its_slices_has_no_gap() -> None:
    slices = DataFrame({"bucket_ns": [100, 110], "calls": [3, 4], "errors": [0, 1]})
    assert len(spread(slices, Window(103, 118))) == 2


def test_a_start_marker_names_the_version_if_it_changed() -> None:
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


def test_layered_frames_keep_their_rows() -> None:
    assert len(layered(DataFrame({"a": [1, 2]}), DataFrame({"b": [3]}))) == 3


def test_times_at_the_bound_of_64_bits_can_be_drawn_in_layers() -> None:
    last_ns, first_ns = 2**63 - 1, -(2**63) + 1
    layers = layered(DataFrame({"time_ns": [first_ns, 0, last_ns]}), DataFrame({"start_ns": [0]}))
    assert [time.year for time in _times(layers["time_ns"]).dropna()] == [1677, 1970, 2262]

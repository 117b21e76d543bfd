"""The critical path, compared with the expectations of Jaeger UI's own tests and with a slow reference."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obs_core.query.analysis.critical_path import Section, critical_path
from tests.support import data

VECTORS = data.content(data.trace_file("jaeger-ui", "peer_trace_vectors.json"))["critical_path"]


def ordered(spans: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[int]]:
    """Jaeger's spans with each parent before its children and siblings by start, and the parents' positions."""
    known = {span["spanID"] for span in spans}
    parent_of = {
        span["spanID"]: next(
            (
                reference["spanID"]
                for reference in span["references"]
                if reference["refType"] == "CHILD_OF" and reference["spanID"] in known
            ),
            None,
        )
        for span in spans
    }
    left = sorted(spans, key=lambda span: span["startTime"])
    placed: dict[str | None, int] = {}
    listed: list[dict[str, Any]] = []
    parents: list[int] = []
    while left:
        span = next(candidate for candidate in left if parent_of[candidate["spanID"]] in (None, *placed))
        left.remove(span)
        parents.append(placed.get(parent_of[span["spanID"]], -1))
        placed[span["spanID"]] = len(listed)
        listed.append(span)
    return listed, parents


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["test"] for vector in VECTORS])
def test_the_path_is_the_one_that_jaeger_expects(vector: dict[str, Any]) -> None:
    spans, parents = ordered(vector["trace"]["spans"])
    path = critical_path([span["startTime"] for span in spans], [span["duration"] for span in spans], parents)
    sections = [(spans[section.call]["spanID"], section.start, section.end) for section in path]
    assert sections == [
        (section["spanID"], section["sectionStart"], section["sectionEnd"]) for section in vector["expected_sections"]
    ]


@st.composite
def traces(draw: st.DrawFn) -> tuple[list[int], list[int], list[int]]:
    """Calls of one root, parents first."""
    count = draw(st.integers(1, 12))
    starts = [0, *(draw(st.integers(-3, 30)) for _ in range(count - 1))]
    durations = [20, *(draw(st.integers(0, 20)) for _ in range(count - 1))]
    parents = [-1, *(draw(st.integers(0, at)) for at in range(count - 1))]
    return starts, durations, parents


@given(traces())
def test_the_sections_cover_the_root_from_its_end_to_its_start_without_gap_or_overlap(
    calls: tuple[list[int], list[int], list[int]],
) -> None:
    path = critical_path(*calls)
    reached = 20.0
    for section in path:
        assert section.end == reached
        assert section.start < section.end
        reached = section.start
    assert reached == 0


def test_no_calls_have_no_path_and_a_call_alone_is_its_own() -> None:
    assert critical_path([], [], []) == []
    assert critical_path([5], [10], [-1]) == [Section(0, 5, 15)]

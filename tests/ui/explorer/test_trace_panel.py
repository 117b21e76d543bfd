"""What a trace says of its own shape."""

from pathlib import Path

from obs_core.clock import Window
from obs_core.model import Row
from obs_core.query.engine.engine import Engine
from obs_core.query.questions import traces
from obs_core.ui.explorer import trace_panel
from tests.support import table


def said(path: Path, drawn: str) -> list[str]:
    table.store(path, table.rows(drawn))
    with Engine(path) as engine:
        return trace_panel.oddities(traces.tree(engine, Window(0, 1), trace_id="t1"))


def test_a_whole_trace_has_nothing_odd(log: Path) -> None:
    """
    seconds  process  data  trace_id  span_id  parent_span_id
    0        web      a     t1        s1       -
    1        web      b     t1        s2       s1
    """
    with Engine(log) as engine:
        assert trace_panel.oddities(traces.tree(engine, Window(0, 1), trace_id="t1")) == []


def test_orphans_and_a_missing_root_are_noted(tmp_path: Path) -> None:
    drawn = """
        seconds  process  data  trace_id  span_id  parent_span_id
        0        web      a     t1        s1       gone
        1        web      b     t1        s2       s1
    """
    orphan, root = said(tmp_path / "trace.db", drawn)
    assert orphan.startswith("1 row has a parent that is not in the log")
    assert root.startswith("The trace has no root")


def test_parent_cycles_are_noted(tmp_path: Path) -> None:
    drawn = """
        seconds  process  data  trace_id  span_id  parent_span_id
        0        web      r     t1        s0       -
        1        web      a     t1        s1       s2
        2        web      b     t1        s2       s1
    """
    [cycle] = said(tmp_path / "trace.db", drawn)
    assert cycle.startswith("1 parent cycle between calls")


def test_duplicate_span_ids_are_noted(tmp_path: Path) -> None:
    drawn = """
        seconds  process  data  trace_id  span_id  parent_span_id
        0        web      r     t1        s0       -
        1        web      a     t1        s1       s0
    """
    path = tmp_path / "trace.db"
    table.store(path, table.rows(drawn))
    with Engine(path) as engine:
        tree = traces.tree(engine, Window(0, 1), trace_id="t1")
    again = tree.iloc[[0, 1, 1]].reset_index(drop=True)
    [note] = trace_panel.oddities(again)
    assert note.startswith("1 row has the span id of another row")


def test_a_trace_that_is_too_large_shows_its_first_rows_with_a_note(tmp_path: Path) -> None:
    path = tmp_path / "trace.db"
    count = traces.LARGEST_TREE + 1
    table.store(
        path,
        [
            Row("call", "web", "f", table.START_NS + at, trace_id="t1", span_id=f"s{at}", parent_span_id=f"s{at // 10}")
            for at in range(1, count + 1)
        ],
    )
    with Engine(path) as engine:
        tree = traces.tree(engine, Window(0, 1), trace_id="t1")
    assert len(tree) == traces.LARGEST_TREE
    assert f"the first {traces.LARGEST_TREE:,} are shown" in trace_panel.oddities(tree)[-1]

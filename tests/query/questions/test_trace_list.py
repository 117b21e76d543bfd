"""The list of traces: each once, as its root, whatever rows of it match."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from obs_core.clock import Window
from obs_core.model import Row
from obs_core.query.engine.engine import Engine
from obs_core.query.filters import paging
from obs_core.query.filters.row_filter import ALL_ROWS, RowFilter
from obs_core.query.questions import trace_list, traces
from tests.support import table

ALWAYS = Window(0, 2**63 - 1)


def listed(engine: Engine, *, sort: str = "time", row_filter: RowFilter = ALL_ROWS) -> list[tuple[Any, ...]]:
    """The traces with their root, calls, errors and services."""
    answer = trace_list.page(engine, ALWAYS, sort=sort, row_filter=row_filter)
    services = [json.loads(text) for text in answer["services"]]
    return list(zip(answer["trace_id"], answer["Data"], answer["spans"], answer["errors"], services, strict=True))


def test_a_trace_is_listed_by_its_root_with_what_it_has_in_all(engine: Engine) -> None:
    """
    seconds  process  data    kind   trace_id  span_id  parent_span_id  duration_ms  status  exception
    0        web      serve   call   t1        s1       -               100          OK      -
    1        db       load    call   t1        s2       s1              60           ERROR   OSError:disk
    2        web      price   value  t1        -        s2              -            OK      -
    3        worker   refill  call   t2        s1       gone            5            OK      -
    4        worker   pour    call   t2        s2       s1              1            OK      -
    5        worker   alone   call   -         -        -               1            OK      -
    6        web      note    log    t3        -        -               -            OK      -
    """
    first, second = ("t1", "serve", 2, 1, ["web", "db"]), ("t2", "refill", 2, 0, ["worker"])
    assert listed(engine) == [second, first]
    assert listed(engine, sort="duration") == [first, second]
    assert listed(engine, sort="-time") == [first, second]
    assert listed(engine, row_filter=RowFilter(status="ERROR")) == [first]
    assert listed(engine, row_filter=RowFilter(kind="value")) == [first]
    assert listed(engine, row_filter=RowFilter(process="worker")) == [second]
    assert listed(engine, row_filter=RowFilter(search="nowhere")) == []
    assert [row[0] for row in listed(engine, row_filter=RowFilter(kind="log"))] == ["t3"]
    assert trace_list.total(engine, ALWAYS).to_numpy().tolist() == [[2, True]]
    assert trace_list.total(engine, ALWAYS, most=1).to_numpy().tolist()[0][1] is False
    assert trace_list.total(engine, ALWAYS, row_filter=RowFilter(errors=True)).to_numpy().tolist() == [[1, True]]
    assert traces.page(engine, ALWAYS, row_filter=RowFilter(roots=True))["Data"].tolist() == [
        "alone",
        "refill",
        "serve",
    ]


SPANS = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from([None, "s0", "s1", "s2", "gone"]), st.integers(0, 3)), max_size=10
)


def expected_roots(rows: Sequence[Row]) -> dict[str, set[str]]:
    """The spans of each trace that have no parent in the log."""
    spans = {(row.trace_id, row.span_id) for row in rows}
    roots: dict[str, set[str]] = {}
    for row in rows:
        parent = row.parent_span_id
        if not parent or parent == row.span_id or (row.trace_id, parent) not in spans:
            roots.setdefault(str(row.trace_id), set()).add(str(row.span_id))
    return roots


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    max_examples=30,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
)
@example(spans=[("a", "gone", 1), ("b", "s1", 2), ("c", "s2", 1), ("c", "s1", 3)], size=1, sort="time")
@given(spans=SPANS, size=st.integers(1, 3), sort=st.sampled_from(paging.SORTS))
def test_all_pages_together_have_each_trace_with_a_root_once(
    tmp_path_factory: pytest.TempPathFactory, spans: list[tuple[str, str | None, int]], size: int, sort: str
) -> None:
    path = tmp_path_factory.mktemp("traces") / "trace.db"
    rows = [
        Row(
            "call", trace, trace, table.START_NS + second, None, trace_id=trace, span_id=f"s{at}", parent_span_id=parent
        )
        for at, (trace, parent, second) in enumerate(spans)
    ]
    table.store(path, rows)
    pages, after = [], None
    with Engine(path) as engine:
        while True:
            page = trace_list.page(engine, ALWAYS, sort=sort, after=after, size=size)
            pages += list(zip(page["trace_id"], page["span_id"], page["spans"], strict=True))
            if (after := page.attrs["next"]) is None:
                break
    roots = expected_roots(rows)
    assert sorted(trace for trace, _, _ in pages) == sorted(roots)
    for trace, span, calls in pages:
        assert span in roots[trace]
        assert calls == sum(row.trace_id == trace for row in rows)

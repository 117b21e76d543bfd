"""The questions of the overview."""

from pathlib import Path

import numpy as np
import pytest

from obs_core.clock import MINUTE, SECOND, Window
from obs_core.errors import BadParameter
from obs_core.model import ProcessRun, Row
from obs_core.query.engine.engine import Engine
from obs_core.query.questions import overview
from obs_core.store import log as store
from obs_core.store import sqlite
from tests.support import table
from tests.support.table import START_NS

ALWAYS = Window(0, 2**63 - 1)


def after(start: float, end: float) -> Window:
    """The window from `start` to `end` seconds after the drawn log's begin."""
    return Window(START_NS + round(start * SECOND), START_NS + round(end * SECOND))


def test_the_summary_counts_calls_values_errors_and_traces_separately(engine: Engine) -> None:
    """
    seconds  kind   process  data   trace_id  span_id  status  duration_ms
    0        call   feed     load   t1        s1       OK      10
    1        call   feed     parse  t1        s2       ERROR   20
    2        call   feed     parse  t2        s3       UNSET   -
    3        value  feed     price  t2        -        OK      -
    4        log    feed     note   t3        -        ERROR   -
    """
    (row,) = overview.summary(engine, ALWAYS).to_dict("records")
    assert (row["calls"], row["values"], row["errors"], row["traces"]) == (3, 1, 1, 2)
    assert row["error_rate"] == pytest.approx(1 / 3)
    assert (row["first_ns"], row["last_ns"]) == (START_NS, START_NS + 4 * SECOND)
    assert (row["p50_ms"], row["p95_ms"], row["p99_ms"]) == pytest.approx((15, 19.5, 19.9), rel=1e-9)


def test_rates_divide_by_the_window_within_the_log(engine: Engine) -> None:
    """
    0   feed  price  1  OK
    10  feed  price  2  OK
    20  feed  price  3  OK
    """
    wide = overview.summary(engine, ALWAYS).iloc[0]
    assert wide["calls_per_s"] == pytest.approx(3 * SECOND / (20 * SECOND + 1), rel=1e-12)
    narrow = overview.summary(engine, after(5, 15)).iloc[0]
    assert (narrow["calls"], narrow["calls_per_s"]) == (1, pytest.approx(0.1, rel=1e-12))


def test_a_value_that_is_not_defined_is_null(engine: Engine) -> None:
    """
    0  feed  price  1  OK
    """
    time_ns = overview.summary(engine, ALWAYS).iloc[0]
    assert time_ns["calls"] == 1
    assert np.isnan(time_ns["calls_per_s"])
    outside = overview.summary(engine, after(5, 6)).iloc[0]
    assert (outside["calls"], outside["values"], outside["traces"]) == (0, 0, 0)
    assert outside[["error_rate", "calls_per_s", "p50_ms", "first_ns", "last_ns"]].isna().all()


def test_the_window_includes_its_start_and_excludes_its_end(engine: Engine) -> None:
    """
    0  feed  price  1  OK
    1  feed  price  2  OK
    2  feed  price  3  OK
    """
    assert overview.summary(engine, after(0, 2))["calls"].iloc[0] == 2


def test_a_group_is_counted_alone(engine: Engine) -> None:
    """
    seconds  process  data  process_group  status
    0        a        x     red            OK
    1        b        x     blue           ERROR
    2        c        x     -              ERROR
    """
    assert overview.summary(engine, ALWAYS, group="blue")[["calls", "errors"]].iloc[0].tolist() == [1, 1]
    assert overview.recent_errors(engine, ALWAYS, group="blue")["process"].tolist() == ["b"]
    assert overview.throughput(engine, ALWAYS, group="red")["calls"].sum() == 1
    assert overview.groups(engine, ALWAYS, group="red")["process_group"].tolist() == ["red"]


def test_slices_without_calls_are_rows_with_zero(engine: Engine) -> None:
    """
    0    feed  price  1  OK
    61   feed  price  2  ERROR
    62   feed  price  3  OK
    185  feed  price  4  OK
    """
    answer = overview.throughput(engine, ALWAYS, bucket="1m")
    assert answer["bucket_ns"].tolist() == [START_NS + minute * MINUTE for minute in range(4)]
    assert answer[["calls", "errors", "error_rate"]].to_numpy().tolist() == [
        [1, 0, 0],
        [2, 1, 0.5],
        [0, 0, 0],
        [1, 0, 0],
    ]


def test_slices_fit_the_window_and_include_every_call(engine: Engine) -> None:
    """
    0      feed  price  1  OK
    3599   feed  price  2  OK
    86400  feed  price  3  OK
    """
    answer = overview.throughput(engine, ALWAYS)
    assert len(answer) <= 300
    assert answer["calls"].sum() == 3
    assert set(np.diff(answer["bucket_ns"])) == {5 * MINUTE}


def test_too_many_slices_are_rejected(engine: Engine) -> None:
    """
    0      feed  price  1  OK
    86400  feed  price  3  OK
    """
    with pytest.raises(BadParameter, match="Buckets of 1s would be 86,401"):
        overview.throughput(engine, ALWAYS, bucket="1s")


def test_recent_errors_are_failed_calls_newest_first(engine: Engine) -> None:
    """
    seconds  kind  process  data  status  exception       trace_id  span_id
    0        call  feed     load  ERROR   KeyError:a      t1        s1
    1        call  feed     load  OK      -               t1        s2
    2        call  feed     read  ERROR   KeyError:b      t2        s3
    2        call  feed     read  ERROR   KeyError:c      t2        s4
    3        log   feed     note  ERROR   -               -         -
    """
    answer = overview.recent_errors(engine, ALWAYS)
    assert answer["exception"].tolist() == ["KeyError:c", "KeyError:b", "KeyError:a"]
    assert answer[["trace_id", "span_id"]].iloc[2].tolist() == ["t1", "s1"]
    assert overview.recent_errors(engine, ALWAYS, size=1)["span_id"].tolist() == ["s4"]


def test_groups_have_their_rows_and_the_impact_of_their_calls(engine: Engine) -> None:
    """
    seconds  kind   process  data  process_group  status  duration_ms
    0        call   a        x     red            OK      10
    1        call   a        x     red            ERROR   30
    2        value  a        v     red            OK      -
    3        call   b        y     blue           OK      500
    4        log    c        z     green          OK      -
    """
    answer = overview.groups(engine, ALWAYS).set_index("process_group")
    assert answer.index.tolist() == ["red", "blue", "green"]
    assert answer[["rows", "calls", "errors"]].to_numpy().tolist() == [[3, 2, 1], [1, 1, 0], [1, 0, 0]]
    assert answer.iloc[0][["error_rate", "p95_ms", "impact_ms"]].tolist() == pytest.approx([0.5, 29, 40])
    assert answer.iloc[2][["error_rate", "p95_ms", "impact_ms"]].isna().all()


def test_processes_are_named_with_their_group_and_newest_row(engine: Engine) -> None:
    """
    seconds  kind   process  data  process_group
    0        call   a        x     red
    1        value  a        x     red
    2        log    b        x     -
    """
    answer = overview.processes(engine, ALWAYS)
    assert answer["process"].tolist() == ["a", "b"]
    assert answer["rows"].tolist() == [2, 1]
    assert answer["last_ns"].tolist() == [START_NS + SECOND, START_NS + 2 * SECOND]


def test_an_empty_log_has_no_calls_and_no_slices(engine: Engine) -> None:
    assert overview.summary(engine, ALWAYS)["calls"].tolist() == [0]
    assert overview.throughput(engine, ALWAYS).empty
    assert overview.recent_errors(engine, ALWAYS).empty
    assert overview.groups(engine, ALWAYS).empty


STACK = 'Traceback (most recent call last):\n  File "/app/feed.py", line {line}, in {name}\n    x\nKeyError: {key}\n'


def failed(second: float, exception: str | None, name: str = "", group: str | None = None) -> Row:
    """A call that failed, `second` seconds after the start, in the function `name`."""
    stack = STACK.format(line=round(second) + 1, name=name, key=second) if name else None
    time_ns = START_NS + round(second * SECOND)
    return Row("call", "feed", "load", time_ns, group, status="ERROR", exception=exception, exception_stack=stack)


def test_failures_are_counted_by_type_and_location_ignoring_their_message(log: Path, engine: Engine) -> None:
    rows = [
        failed(0, "KeyError: 'a'", "load"),
        failed(10, "KeyError: 'b'", "load")._replace(trace_id="t1", span_id="s1"),
        failed(20, "KeyError: 'c'", "save"),
        failed(30, "ValueError: x", "load", group="red"),
        failed(40, None),
    ]
    table.store(log, [*rows, Row("call", "feed", "load", START_NS + 60 * SECOND)])
    answer = overview.exceptions(engine, ALWAYS)
    kinds = answer[["type", "location", "calls"]].to_numpy().tolist()
    assert kinds == [
        ["KeyError", "feed.py in load", 2],
        ["", "load", 1],
        ["ValueError", "feed.py in load", 1],
        ["KeyError", "feed.py in save", 1],
    ]
    first = answer.iloc[0]
    assert (first["first_ns"], first["last_ns"]) == (START_NS, START_NS + 10 * SECOND)
    assert (first["exception"], first["trace_id"], first["span_id"]) == ("KeyError: 'b'", "t1", "s1")
    assert (len(first["trend"]), first["trend"][0], first["trend"][4], sum(first["trend"])) == (30, 1, 1, 2)
    assert overview.exceptions(engine, ALWAYS, group="red")["type"].tolist() == ["ValueError"]
    assert first["title"] == "KeyError: …"
    few = overview.exceptions(engine, ALWAYS, size=1)
    assert (len(few), few.attrs["truncated"]) == (1, True)


def test_an_issue_was_first_seen_at_its_oldest_failed_call(
    log: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        failed(0, "ValueError: KeyError", "load"),
        failed(10, "KeyError: 'a'", "save"),
        failed(20, "KeyError: 'b'", "load")._replace(run_id=1),
        failed(30, "KeyError: 'c'", "load"),
        failed(40, None),
    ]
    table.store(log, rows)
    connection = sqlite.connect(log, write=True)
    connection.execute("INSERT INTO run (id, process, pid, version, started) VALUES (1, 'feed', 7, '1.4', 0)")
    connection.close()
    later = Window(START_NS + 25 * SECOND, START_NS + 60 * SECOND)
    issues = overview.exceptions(engine, later)["issue"]
    assert len(issues) == 2
    seen = [overview.first_seen(engine, ALWAYS, issue=issue).to_dict("records") for issue in sorted(issues)]
    assert [[(row["first_ns"], row["version"]) for row in rows] for rows in seen] == [
        [(START_NS + 40 * SECOND, None)],
        [(START_NS + 20 * SECOND, "1.4")],
    ]
    monkeypatch.setattr(engine, "row_cap", 1)
    nothing = overview.first_seen(engine, ALWAYS, issue=max(issues))
    assert (len(nothing), nothing.attrs["truncated"]) == (0, True)


def test_an_exception_that_passes_several_calls_is_one_exception(log: Path, engine: Engine) -> None:
    passing = ("parse", "s3", "s2"), ("observe", "s2", "s1"), ("main", "s1", None)
    rows = [
        failed(second, f"ValueError: reading {second} of 'tide'", "parse")._replace(
            timestamp=START_NS + second * SECOND - outside,
            function=name,
            trace_id=f"t{second}",
            span_id=span,
            parent_span_id=parent,
        )
        for second in (1, 2)
        for outside, (name, span, parent) in enumerate(passing)
    ]
    other = failed(3, "TimeoutError: after 3 s")._replace(function="retry", trace_id="t2", parent_span_id="s1")
    silent = failed(3, None)._replace(function="serve", trace_id="t3", span_id="s1")
    below = failed(4, "OSError: disk 4")._replace(function="load", trace_id="t3", span_id="s2", parent_span_id="s1")
    table.store(log, [*rows, other, silent, below])
    answer = overview.exceptions(engine, ALWAYS)
    assert answer[["title", "location", "calls"]].to_numpy().tolist() == [
        ["ValueError: reading … of …", "feed.py in parse", 2],
        ["OSError: disk …", "load", 1],
        ["TimeoutError: after … s", "retry", 1],
    ]
    assert answer["functions"].tolist() == [["parse", "observe", "main"], ["load", "serve"], ["retry"]]


def test_calls_that_name_each_other_as_parents_are_counted_once(log: Path, engine: Engine) -> None:
    one = failed(1, "OSError: a")._replace(trace_id="t1", span_id="s1", parent_span_id="s2")
    two = failed(2, "OSError: a")._replace(trace_id="t1", span_id="s2", parent_span_id="s1")
    table.store(log, [one, two, failed(3, "OSError: a")._replace(trace_id="t1", span_id="s3", parent_span_id="s3")])
    assert overview.exceptions(engine, ALWAYS)["calls"].sum() == 2


def test_an_issue_has_the_version_that_raised_it_last(log: Path, engine: Engine) -> None:
    connection = store.open_log(log)
    with sqlite.transaction(connection):
        runs = [
            store.run_id(connection, ProcessRun("feed", "red", 1, "host", version, "abc", START_NS + at))
            for at, version in enumerate(("1.0", "1.1"))
        ]
        store.append(connection, [failed(at, "OSError: a")._replace(run_id=run) for at, run in enumerate(runs)])
    connection.close()
    assert overview.exceptions(engine, ALWAYS)["version"].tolist() == ["1.1"]


def test_without_failures_there_are_no_kinds(engine: Engine) -> None:
    """
    0  feed  price  1  OK
    """
    answer = overview.exceptions(engine, ALWAYS)
    assert answer.empty
    assert answer.columns.tolist()[:6] == ["issue", "type", "location", "title", "function", "calls"]


def test_a_restart_says_whether_the_version_changed(log: Path, engine: Engine) -> None:
    first = ProcessRun("feed", "red", 1, "host", "1.0", "abc", START_NS)
    connection = store.open_log(log)
    with sqlite.transaction(connection):
        for run in (
            first,
            first._replace(pid=2, started=START_NS + 10),
            first._replace(pid=3, started=START_NS + 20, version="1.1"),
            first._replace(process="other", process_group="blue", started=START_NS + 15, version=None),
        ):
            store.run_id(connection, run)
    connection.close()
    answer = overview.restarts(engine, Window(START_NS + 5, START_NS + 30))
    assert answer[["process", "pid", "changed"]].to_numpy().tolist() == [
        ["feed", 2, False],
        ["other", 1, False],
        ["feed", 3, True],
    ]
    assert overview.restarts(engine, ALWAYS, group="blue")["process"].tolist() == ["other"]

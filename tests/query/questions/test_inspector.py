"""The questions about one function."""

from pathlib import Path

import numpy as np
import pytest

from obs_core.clock import SECOND, Window
from obs_core.model import Row
from obs_core.query.engine.engine import Engine
from obs_core.query.engine.worker_pool import Pool
from obs_core.query.questions import functions, inspector, traces
from tests.support import table

ALWAYS = Window(0, 2**63 - 1)
START = table.START_NS


def test_callers_and_callees_are_functions_with_the_calls_between_them(engine: Engine) -> None:
    """
    seconds  process  data   function  trace_id  span_id  parent_span_id  duration_ms  status
    0        web      serve  m.serve   t1        s1       -               100          OK
    1        web      load   m.load    t1        s2       s1              10           OK
    2        web      load   m.load    t1        s3       s1              30           ERROR
    3        web      tick   m.tick    t2        s1       -               5            OK
    4        web      load   m.load    t2        s2       s1              20           OK
    5        web      read   -         t2        s3       s2              4            OK
    """
    callers = inspector.callers(engine, ALWAYS, function="m.load")
    assert callers.to_numpy().tolist() == [["m.serve", 2, 1, 29.0, 40.0], ["m.tick", 1, 0, 20.0, 20.0]]
    callees = inspector.callees(engine, ALWAYS, function="m.load")
    assert callees.to_numpy().tolist() == [["read", 1, 0, 4.0, 4.0]]
    assert inspector.callers(engine, ALWAYS, function="m.serve").empty
    assert inspector.callees(engine, ALWAYS, function="%").empty


def test_a_parent_in_another_trace_is_not_a_caller(engine: Engine) -> None:
    """
    seconds  process  data   trace_id  span_id  parent_span_id  duration_ms
    0        web      serve  t1        s1       -               100
    1        web      load   t2        s2       s1              10
    """
    assert inspector.callers(engine, ALWAYS, function="load").empty


def test_buckets_of_durations_name_their_slowest_call(engine: Engine) -> None:
    """
    seconds  process  data  trace_id  span_id  duration_ms  status
    0        web      load  t1        s1       1            OK
    1        web      load  t1        s2       1.2          ERROR
    2        web      load  t1        s3       150          OK
    3        web      load  t1        s4       -            OK
    4        web      load  t1        s5       0            OK
    """
    answer = inspector.durations(engine, ALWAYS, function="load")
    assert answer["calls"].tolist() == [1, 2, 1]
    assert answer["errors"].tolist() == [0, 1, 0]
    assert answer["slowest_ms"].tolist() == [0, 1.2, 150]
    slowest = [traces.row(engine, ALWAYS, id=row_id)["span_id"].iloc[0] for row_id in answer["slowest_id"]]
    assert slowest == ["s5", "s2", "s3"]
    np.testing.assert_allclose(answer["from_ms"], [1e-6, 1.0, 10**2.1])
    np.testing.assert_allclose(answer["to_ms"] / answer["from_ms"], 10**0.1)


def test_the_rank_of_a_call_is_the_number_of_faster_calls(engine: Engine) -> None:
    """
    seconds  process  process_group  data  duration_ms
    0        web      shop           load  1
    1        web      shop           load  2
    2        web      shop           load  2
    3        web      shop           load  -
    4        web      other          load  1
    """
    for group, duration, expected in (("shop", 2, [3, 1]), (None, 2, [4, 2]), (None, 9, [4, 4]), ("none", 2, [0, 0])):
        answer = inspector.rank(engine, ALWAYS, group=group, function="load", duration_ns=duration * 1_000_000)
        assert answer.to_numpy().tolist() == [expected]


def test_failures_and_recent_calls_come_newest_first_from_the_window(engine: Engine) -> None:
    """
    seconds  process  process_group  data  kind   status  exception     data_value  duration_ms
    0        web      shop           load  call   ERROR   OSError:disk  -           1
    1        web      shop           load  call   OK      -             42          2
    2        web      shop           load  call   ERROR   KeyError:'x'  -           3
    3        web      other          load  call   ERROR   OSError:net   -           4
    4        web      shop           load  value  OK      -             7           -
    5        web      shop           read  call   ERROR   OSError:disk  -           1
    """
    failures = inspector.failures(engine, ALWAYS, function="load", group="shop")
    assert failures["exception"].tolist() == ["KeyError:'x'", "OSError:disk"]
    recent = inspector.recent(engine, Window(START + SECOND, START + 4 * SECOND), function="load", size=2)
    assert recent["duration_ms"].tolist() == [4.0, 3.0]
    assert inspector.recent(engine, Window(START, START + SECOND), function="load")["status"].tolist() == ["ERROR"]


@pytest.mark.parametrize(
    "name", ["measures", "callers", "callees", "durations", "failures", "recent", "recorded_values"]
)
def test_a_function_without_calls_has_empty_answers(engine: Engine, name: str) -> None:
    """
    0 web load 1 OK
    """
    assert getattr(inspector, name)(engine, ALWAYS, function="'; DROP TABLE data_trace; --").empty


def test_the_newest_calls_have_their_recorded_arguments_and_values(engine: Engine) -> None:
    """
    seconds  process  data       kind   function  data_type  data_value  trace_id  span_id  parent_span_id
    0        web      load       call   m.load    int        7           t1        s1       -
    0        web      load.path  value  m.load    str        a.csv       t1        -        s1
    1        web      rows       value  m.load    int        3           t1        -        s1
    2        web      rows       value  m.load    int        9           t2        -        s1
    3        web      load       call   m.load    int        8           t2        s1       -
    4        web      rows       value  m.other   int        5           t2        -        s2
    5        tape     rows       value  m.load    float      1.5         -         -        -
    """
    recent = inspector.recent(engine, ALWAYS, function="m.load")
    assert recent[["data_value", "carried"]].to_numpy().tolist() == [
        ["8", "rows = 9"],
        ["7", "load.path = a.csv · rows = 3"],
    ]
    recorded = inspector.recorded_values(engine, ALWAYS, function="m.load")
    assert recorded[["process", "data", "readings", "data_type", "last_value"]].to_numpy().tolist() == [
        ["tape", "rows", 1, "float", "1.5"],
        ["web", "rows", 2, "int", "9"],
        ["web", "load.path", 1, "str", "a.csv"],
    ]


def sampled(seed: int, start: int, scale: float, errors: int) -> tuple[list[Row], list[int], list[int]]:
    """Three hundred calls of `load` with a child in each, their durations, and their memory (of every second call)."""
    chance = np.random.default_rng(seed)
    spans = (chance.lognormal(15, 1, 300) * scale).astype("int64").tolist()
    memory = chance.integers(-1000, 5000, 300).tolist()
    rows: list[Row] = []
    for at, span in enumerate(spans):
        time_ns, name = start + at * SECOND, f"{start}{at}"
        call = Row("call", "p", "load", time_ns, "red", trace_id=name, span_id="a", duration_ns=span)
        rows.append(call._replace(status="ERROR" if at < errors else "OK", memory_delta=None if at % 2 else memory[at]))
        child = call._replace(data="read", process_group="blue", span_id="b", parent_span_id="a", status="OK")
        rows.append(child._replace(duration_ns=span // 4))
    return rows, spans, memory[::2]


@pytest.mark.parametrize("way", ["sqlite_query", "mirror"])
def test_measures_are_numpys_and_say_which_of_them_changed(log: Path, pool: Pool, way: str) -> None:
    earlier, then, _ = sampled(1, START, 1.0, 2)
    later, now, memory = sampled(2, START + 300 * SECOND, 2.0, 90)
    table.store(log, [*earlier, *later])
    window = Window(START + 300 * SECOND, START + 600 * SECOND)
    with Engine(log, pool=pool, mirror=way == "mirror") as engine:
        for group in (None, "red"):
            answer = inspector.measures(engine, window, group=group, function="load")
            assert (answer.attrs["way"] == "mirror") == (way == "mirror")
            before, row = answer.to_dict("records")
            assert (before["earlier"], row["earlier"]) == (True, False)
            for side, spans in ((before, then), (row, now)):
                exact = [*np.quantile(spans, [0.5, 0.95, 0.99]), np.mean(spans), np.std(spans, ddof=1), max(spans)]
                names = ("p50_ms", "p95_ms", "p99_ms", "mean_ms", "deviation_ms", "max_ms")
                assert [side[name] * 1e6 for name in names] == pytest.approx(exact, rel=1e-9)
                assert side["self_ms"] * 1e6 == pytest.approx(sum(span - span // 4 for span in spans), rel=1e-9)
            assert (row["calls"], row["errors"], row["measured"]) == (300, 90, 150)
            assert row["calls_per_s"] == pytest.approx(300 / 299, rel=1e-6)
            assert row["memory_mean"] == pytest.approx(np.mean(memory))
            assert row["memory_p95"] == pytest.approx(np.quantile(memory, 0.95))
            assert list(row["process_groups"]) == ["red"]
            noted = {name for name in answer.columns if name.endswith("_notable") and row[name]}
            assert noted == {"p50_notable", "p95_notable", "p99_notable", "mean_notable", "error_rate_notable"}
            assert before["above_p95"] == sum(span > np.quantile(now, 0.95) for span in then)
        assert inspector.measures(engine, window, group="blue", function="load").empty


def test_the_mirror_has_the_same_parents_and_children_as_the_log(log: Path, pool: Pool) -> None:
    rows, *_ = sampled(3, START, 1.0, 10)
    table.store(log, [*rows, rows[0]._replace(trace_id=None, span_id=None), rows[1]._replace(trace_id="else")])
    with Engine(log, pool=pool) as plain, Engine(log, pool=pool, mirror=True) as mirrored:
        for question, function in (
            *((question, name) for question in (inspector.callers, inspector.callees) for name in ("load", "read")),
            (functions.performance, "load"),
        ):
            expected = question(plain, ALWAYS, function=function)
            answer = question(mirrored, ALWAYS, function=function)
            assert expected.attrs["way"] != answer.attrs["way"] == "mirror"
            assert answer.equals(expected)

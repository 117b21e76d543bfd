"""The questions about functions."""

from pathlib import Path

import numpy as np
import pytest

from obs_core.clock import SECOND, Window
from obs_core.errors import BadParameter
from obs_core.model import Row
from obs_core.query.engine.engine import Engine
from obs_core.query.questions import functions
from tests.support import table

ALWAYS = Window(0, 2**63 - 1)
START = table.START_NS


def test_calls_without_duration_count_as_calls_and_not_in_durations(engine: Engine) -> None:
    """
    seconds  kind   process  data  function  status  duration_ms  memory_delta  process_group
    0        call   feed     load  m.load    OK      10           100           red
    1        call   feed     load  m.load    ERROR   20           -             red
    2        call   feed     load  m.load    OK      -            200           red
    3        value  feed     load  m.load    OK      99           -             red
    """
    (row,) = functions.performance(engine, ALWAYS).to_dict("records")
    assert (row["process_group"], row["function"], row["calls"], row["errors"]) == ("red", "m.load", 3, 1)
    assert (row["error_rate"], row["mean_ms"], row["min_ms"], row["max_ms"]) == pytest.approx((1 / 3, 15, 10, 20))
    assert (row["self_ms"], row["memory_mean"], row["timed"]) == (30, 150, 2)


def test_a_call_without_function_name_goes_by_its_span_name(engine: Engine) -> None:
    """
    seconds  process  data  function  process_group
    0        feed     load  m.load    red
    1        feed     load  n.load    red
    2        feed     GET   -         blue
    """
    by_function = functions.performance(engine, ALWAYS)
    assert by_function[["process_group", "function"]].to_numpy().tolist() == [
        ["blue", "GET"],
        ["red", "m.load"],
        ["red", "n.load"],
    ]
    by_data = functions.performance(engine, ALWAYS, by="data")
    assert by_data[["process_group", "data", "calls"]].to_numpy().tolist() == [["blue", "GET", 1], ["red", "load", 2]]
    assert by_function[["mean_ms", "p99_ms", "self_ms", "memory_mean"]].isna().all(axis=None)
    with pytest.raises(BadParameter, match="by is “process”"):
        functions.performance(engine, ALWAYS, by="process")  # type: ignore[arg-type]


def test_self_time_also_excludes_children_of_other_groups(engine: Engine) -> None:
    """
    seconds  process  data   trace_id  span_id  parent_span_id  duration_ms  process_group
    0        web      serve  t1        s1       -               10000        red
    1        db       query  t1        s2       s1              3000         blue
    2        db       query  t1        s3       s1              4000         blue
    9        db       late   t1        s4       s1              4000         blue
    1        db       other  t2        s4       s1              4000         blue
    """
    alone = functions.performance(engine, ALWAYS, group="red")
    assert alone[["function", "self_ms"]].to_numpy().tolist() == [["serve", 4000]]
    whole = functions.performance(engine, ALWAYS).set_index("function")
    assert whole["self_ms"].to_dict() == {"serve": 4000, "query": 7000, "late": 4000, "other": 4000}
    one = functions.performance(engine, ALWAYS, function="serve")
    same = whole.reset_index()[one.columns].query("function == 'serve'")
    assert one.fillna(0).to_dict("records") == same.fillna(0).to_dict("records")


def test_percentiles_are_numpys(log: Path, engine: Engine) -> None:
    chance = np.random.default_rng(7)
    durations = {f"f{size:03}": chance.integers(0, 10 ** (1 + size % 12), size) for size in range(1, 150)}
    rows = [
        Row("call", "p", name, START + at, duration_ns=int(span))
        for name, spans in durations.items()
        for at, span in enumerate(spans)
    ]
    table.store(log, rows)
    for answer in functions.performance(engine, ALWAYS).to_dict("records"):
        spans = durations[answer["function"]].astype("float64")
        expected = [*np.quantile(spans, [0.5, 0.95, 0.99], method="linear"), spans.mean(), spans.min(), spans.max()]
        names = ("p50_ms", "p95_ms", "p99_ms", "mean_ms", "min_ms", "max_ms")
        assert [answer[name] * 1e6 for name in names] == pytest.approx(expected, rel=1e-9)


def test_the_history_of_a_function_has_a_row_per_slice(engine: Engine) -> None:
    """
    seconds  process  data  function  status  duration_ms
    0        feed     load  m.load    OK      10
    1        feed     load  m.load    ERROR   30
    125      feed     load  m.load    OK      50
    130      feed     GET   -         OK      70
    """
    answer = functions.history(engine, ALWAYS, function="m.load", bucket="1m")
    assert answer["bucket_ns"].tolist() == [START, START + 60 * SECOND, START + 120 * SECOND]
    assert answer[["calls", "errors"]].to_numpy().tolist() == [[2, 1], [0, 0], [1, 0]]
    assert answer["p50_ms"].fillna(-1).tolist() == [20, -1, 50]
    assert functions.history(engine, ALWAYS, bucket="1m")["calls"].tolist() == [2, 0, 2]
    assert functions.history(engine, ALWAYS, function="GET", bucket="1m")["calls"].sum() == 1


def test_names_contain_the_search_and_the_most_called_come_first(engine: Engine) -> None:
    """
    seconds  process  data  function     status
    0        feed     load  Shop.Load    ERROR
    1        feed     load  Shop.Load    OK
    2        feed     GET   -            OK
    3        feed     x     a_b          OK
    """
    answer = functions.names(engine, ALWAYS)
    assert answer["function"].tolist() == ["Shop.Load", "GET", "a_b"]
    assert answer[["calls", "errors", "last_ns"]].iloc[0].tolist() == [2, 1, START + SECOND]
    assert functions.names(engine, ALWAYS, search="shop.l")["function"].tolist() == ["Shop.Load"]
    assert functions.names(engine, ALWAYS, search="_")["function"].tolist() == ["a_b"]
    assert functions.names(engine, ALWAYS, search=".*").empty
    short = functions.names(engine, ALWAYS, limit=1)
    assert (len(short), short.attrs["truncated"]) == (1, True)


def test_the_list_has_every_function_without_a_limit(log: Path, engine: Engine) -> None:
    rows = [Row("call", "p", f"f{number}", START + number, "red", duration_ns=number) for number in range(12_000)]
    table.store(log, [*rows, Row("call", "p", "f7", START + 99, None, status="ERROR")])
    answer = functions.list_(engine, ALWAYS)
    assert (len(answer), answer.attrs["truncated"]) == (12_001, False)
    assert answer[["function", "process_group", "calls", "errors"]].iloc[0].tolist() == ["f11999", "red", 1, 0]
    untimed = answer[answer["process_group"].isna()]
    assert untimed[["function", "errors"]].to_numpy().tolist() == [["f7", 1]]
    assert untimed["p95_ms"].isna().all()
    assert functions.list_(engine, ALWAYS, group="blue").empty


def test_a_significant_change_is_notable(log: Path, engine: Engine) -> None:
    chance = np.random.default_rng(11)
    halves = {"steady": (1.0, 1.0), "slower": (1.0, 1.5), "faster": (1.0, 0.6), "new": (None, 1.0), "gone": (1.0, None)}
    rows = [
        Row("call", "p", name, START + (half * 400 + at) * SECOND, "red", duration_ns=int(scale * span * 1e6))
        for name, scales in halves.items()
        for half, scale in enumerate(scales)
        if scale
        for at, span in enumerate(chance.lognormal(2, 0.5, 400))
    ]
    table.store(log, [*rows, Row("call", "p", "rare", START + 500 * SECOND, "red", duration_ns=10**9)])
    answer = functions.changes(engine, Window(START + 400 * SECOND, START + 800 * SECOND)).set_index("function")
    assert set(answer.index) == {"steady", "slower", "faster", "new", "rare"}
    assert answer.index[answer["notable"]].sort_values().tolist() == ["faster", "slower"]
    assert answer["change"]["slower"] == pytest.approx(1.5, rel=0.2)
    assert answer["change"]["faster"] == pytest.approx(0.6, rel=0.2)
    assert np.isnan(answer["change"]["new"])
    assert (answer["calls"]["steady"], answer["calls_before"]["steady"], answer["calls_before"]["new"]) == (400, 400, 0)
    spans = sorted(
        row.duration_ns or 0 for row in rows if row.data == "slower" and row.timestamp >= START + 400 * SECOND
    )
    assert answer["p95_ms"]["slower"] == pytest.approx(np.quantile(spans, 0.95) / 1e6, rel=1e-9)
    assert functions.changes(engine, Window(START, START + SECOND), group="blue").empty


@pytest.mark.parametrize("seed", range(5))
def test_an_unchanged_function_is_not_notable_however_large_its_spread(log: Path, engine: Engine, seed: int) -> None:
    chance = np.random.default_rng(seed)
    rows = [
        Row("call", "p", f"f{name}", START + at * SECOND, duration_ns=int(span * 1e6))
        for name in range(20)
        for at, span in enumerate(chance.lognormal(2, 2, 200))
    ]
    table.store(log, rows)
    answer = functions.changes(engine, Window(START + 100 * SECOND, START + 200 * SECOND))
    assert (len(answer), answer["notable"].sum()) == (20, 0)


def test_trends_count_every_selection_by_its_own_names(log: Path, engine: Engine) -> None:
    """
    seconds  process  process_group  data   function  status  duration_ms
    0        feed     orders         load   app.load  OK      10
    1        feed     orders         load   app.load  ERROR   30
    2        shop     web            GET_/  -         OK      100
    60       feed     orders         load   app.load  OK      50
    3000     shop     web            GET_/  -         OK      200
    """
    assert log
    answer = functions.trends(
        engine,
        ALWAYS,
        groups=("orders", "", "", ""),
        functions=("app.load", "GET_?", "a*", "GET%/"),
        percentiles=(50.0, 100.0),
    )
    assert answer.attrs["step_ns"] == 60 * SECOND
    shown = {
        int(row["part"]): [
            ((int(time_ns) - START) // SECOND, int(calls), int(errors), [percentile / 1e6 for percentile in spread])
            for time_ns, calls, errors, spread in zip(
                row["moments_ns"], row["calls"], row["errors"], row["percentiles_ns"], strict=True
            )
        ]
        for row in answer.to_dict("records")
    }
    of_load = [(0, 2, 1, [20.0, 30.0]), (60, 1, 0, [50.0, 50.0])]
    assert shown == {
        0: of_load,
        1: [(0, 1, 0, [100.0, 100.0]), (3000, 1, 0, [200.0, 200.0])],
        2: of_load,
    }


def test_trends_reject_invalid_parameters(engine: Engine) -> None:
    with pytest.raises(BadParameter, match="differ in length"):
        functions.trends(engine, Window(0, 1), groups=("a", "b"), functions=("x",))
    with pytest.raises(BadParameter, match="not from 0 to 100"):
        functions.trends(engine, Window(0, 1), groups=("a",), percentiles=(101.0,))


def test_a_function_that_is_called_under_several_span_names_is_listed_once(engine: Engine) -> None:
    """
    seconds  process  data    function  process_group
    1        p        first   m.f       g
    2        p        second  m.f       g
    3        p        third   m.g       g
    """
    answer = functions.names(engine, Window(0, 2**63 - 1), search="F")
    assert answer[["function", "calls"]].values.tolist() == [["m.f", 2]]

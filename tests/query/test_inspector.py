"""One function from every side."""

import numpy as np
import pytest

from obs_core.clock import SECOND, Window
from obs_core.query import inspector
from obs_core.query.engine import Engine
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


def test_a_parent_of_another_trace_is_no_caller(engine: Engine) -> None:
    """
    seconds  process  data   trace_id  span_id  parent_span_id  duration_ms
    0        web      serve  t1        s1       -               100
    1        web      load   t2        s2       s1              10
    """
    assert inspector.callers(engine, ALWAYS, function="load").empty


def test_durations_lie_in_slices_that_name_their_slowest_call(engine: Engine) -> None:
    """
    seconds  process  data  trace_id  span_id  duration_ms  status
    0        web      load  t1        s1       1            OK
    1        web      load  t1        s2       1.2          ERROR
    2        web      load  t1        s3       150          OK
    3        web      load  t1        s4       -            OK
    4        web      load  t1        s5       0            OK
    """
    found = inspector.durations(engine, ALWAYS, function="load")
    assert found["calls"].tolist() == [1, 2, 1]
    assert found["errors"].tolist() == [0, 1, 0]
    assert found["span_id"].tolist() == ["s5", "s2", "s3"]
    np.testing.assert_allclose(found["from_ms"], [1e-6, 1.0, 10**2.1])
    np.testing.assert_allclose(found["to_ms"] / found["from_ms"], 10**0.1)


def test_the_rank_of_a_call_counts_those_that_were_faster(engine: Engine) -> None:
    """
    seconds  process  process_group  data  duration_ms
    0        web      shop           load  1
    1        web      shop           load  2
    2        web      shop           load  2
    3        web      shop           load  -
    4        web      other          load  1
    """
    for group, duration, told in (("shop", 2, [3, 1]), (None, 2, [4, 2]), (None, 9, [4, 4]), ("none", 2, [0, 0])):
        found = inspector.rank(engine, ALWAYS, group=group, function="load", duration_ns=duration * 1_000_000)
        assert found.to_numpy().tolist() == [told]


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


@pytest.mark.parametrize("question", ["callers", "callees", "durations", "failures", "recent"])
def test_a_function_that_nobody_called_has_nothing_to_tell(engine: Engine, question: str) -> None:
    """
    0 web load 1 OK
    """
    assert getattr(inspector, question)(engine, ALWAYS, function="'; DROP TABLE data_trace; --").empty

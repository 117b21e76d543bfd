import asyncio
import contextvars
import os
import threading
import traceback
from pathlib import Path

import pytest

import obs_core
from obs_core import record, record_many, span, trace
from obs_core.capture import writer
from obs_core.capture.drain import writer_status
from tests.capture.conftest import Select


@trace
def half(x: float) -> float:
    record("seen", x)
    return x / 2


@trace(name="the whole")
def whole(x: float) -> dict[str, float]:
    return {"half": half(x)}


@trace
def broken() -> None:
    raise KeyError("nothing there")


@trace
async def later(x: float) -> float:
    await asyncio.sleep(0)
    with span("inside"):
        return half(x)


def test_a_call_its_child_and_a_value_are_rows_of_one_trace(select: Select) -> None:
    assert whole(3.0) == {"half": 1.5}
    rows = select("kind, data, data_type, data_value, function, process, process_group, status")
    module = __name__
    assert rows == [
        ("value", "seen", "float", "3.0", f"{module}.half", "feed", "prices", "OK"),
        ("call", "half", "float", "1.5", f"{module}.half", "feed", "prices", "OK"),
        ("call", "the whole", "dict", "{'half': 1.5}", f"{module}.whole", "feed", "prices", "OK"),
    ]
    value, child, parent = select("trace_id, span_id, parent_span_id, duration_ns")
    assert {value[0], child[0], parent[0]} == {parent[0]}
    assert value[1:3] == (None, child[1])
    assert child[2] == parent[1]
    assert parent[2] is None
    assert 0 < child[3] < parent[3]


def test_an_exception_is_recorded_and_raised_unchanged_without_our_stack_frames(select: Select) -> None:
    with pytest.raises(KeyError, match="nothing there") as caught:
        broken()
    names = [frame.filename for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert names == [__file__, __file__]
    ((status_, exception, stack),) = select("status, exception, exception_stack")
    assert (status_, exception) == ("ERROR", "KeyError: 'nothing there'")
    assert isinstance(stack, str)
    assert 'raise KeyError("nothing there")' in stack


def test_a_recorded_stack_has_no_frames_of_ours(select: Select) -> None:
    class Nameless:
        def __str__(self) -> str:
            raise LookupError("no name")

    @trace
    def unnamed() -> None:
        record(Nameless(), 1)  # type: ignore[arg-type]

    with pytest.raises(LookupError):
        unnamed()
    ((stack,),) = select("exception_stack")
    assert "record(Nameless(), 1)" in stack
    assert "obs_core/capture" not in stack.replace(__file__, "")


def test_a_coroutine_and_a_span_keep_their_parents_across_await(select: Select) -> None:
    async def both() -> list[float]:
        return list(await asyncio.gather(later(1.0), later(2.0)))

    assert asyncio.run(both()) == [0.5, 1.0]
    parents: dict[str, str] = dict(select("span_id, parent_span_id", "kind = 'call'"))
    names: dict[str, str] = dict(select("span_id, data", "kind = 'call'"))
    edges = sorted((names[child], names.get(parent)) for child, parent in parents.items())
    assert edges == [("half", "inside")] * 2 + [("inside", "later")] * 2 + [("later", None)] * 2


def test_a_thread_with_a_copied_context_continues_the_trace_and_another_starts_its_own(select: Select) -> None:
    with span("outer"):
        copied = contextvars.copy_context()
        threads = [threading.Thread(target=copied.run, args=(half, 1.0)), threading.Thread(target=half, args=(2.0,))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    outer = select("trace_id", "data = 'outer'")[0][0]
    assert select("data_value", f"data = 'half' AND trace_id = '{outer}'") == [("0.5",)]
    assert select("data_value", f"data = 'half' AND trace_id != '{outer}'") == [("1.0",)]


def test_the_source_of_a_function_is_stored_once(select: Select) -> None:
    for x in range(5):
        half(x)
    ((function, file, source),) = select("function, file, source", table="code")
    ((process, pid),) = select("process, pid", table="run")
    assert (function, file) == (f"{__name__}.half", __file__)
    assert source.startswith("@trace\ndef half(")
    assert source.endswith("return x / 2\n")
    assert (process, pid) == ("feed", os.getpid())


def test_values_recorded_together_share_their_timestamp(select: Select) -> None:
    record_many({"bid": 1.1, "ask": None, "text": "ok", "password": "hunter2"})
    rows = select("data, data_type, data_value, timestamp, trace_id")
    assert [row[:3] for row in rows] == [
        ("bid", "float", "1.1"),
        ("ask", "NoneType", "None"),
        ("text", "str", "ok"),
        ("password", "str", "[redacted]"),
    ]
    assert len({row[3] for row in rows}) == 1
    assert {row[4] for row in rows} == {None}


def test_a_writer_shows_its_status_while_it_runs_and_leaves_the_list_at_its_end(log: Path) -> None:
    for _ in range(10):
        half(1.0)
    assert obs_core.flush(20)
    (one,) = writer_status.writers(log)
    assert (one.process, one.state, one.queue, one.written, one.dropped) == ("feed", "OK", 0, 20, 0)
    writer.end()
    assert writer_status.writers(log) == []

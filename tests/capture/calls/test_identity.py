"""A traced function stays the object that it is, and what it does is recorded all the same."""

import asyncio
import contextvars
import functools
import json
import threading
import types
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import obs_core
from obs_core import extract, extracted, span, trace
from obs_core.capture import writer
from tests.capture.conftest import Select
from tests.capture.test_counts import program


async def _task(a: int) -> int:
    return a


async def _ticks(a: int) -> AsyncIterator[int]:
    yield a


def _steps(a: int) -> Iterator[int]:
    yield a


def _value(a: int) -> int:
    return a


@pytest.mark.parametrize("args", [False, True])
@pytest.mark.parametrize("function", [_task, _ticks, _steps, _value])
def test_names_of_ours_in_the_code_can_not_be_parameters_of_the_program(function: Any, args: bool) -> None:  # noqa: ANN401, FBT001
    traced = types.FunctionType(function.__code__, globals())
    trace(args=args)(traced)
    code = traced.__code__
    assert code is not function.__code__
    inside = [item for item in code.co_consts if isinstance(item, types.CodeType) and item is not function.__code__]
    names = {name for one in (code, *inside) for name in (*one.co_varnames, *one.co_cellvars, *one.co_freevars)}
    assert names - {"a"} == {name for name in names if name.startswith("_obs")}
    assert len(names) > 4


def test_trace_returns_the_function_itself_and_all_that_hold_it_are_traced(select: Select) -> None:
    def price(symbol: str) -> str:
        return symbol

    table = {"price": price}
    assert trace(price) is price
    table["price"]("tea")
    assert select("data, data_value") == [("price", "tea")]


def test_a_decorator_between_two_traces_does_not_hide_one(select: Select) -> None:
    tries: list[int] = []

    def retry(function: Any) -> Any:  # noqa: ANN401
        @functools.wraps(function)
        def again(*args: object) -> object:
            for _ in range(3):
                try:
                    return function(*args)
                except ValueError:
                    continue
            return None

        return again

    @trace(name="order")
    @retry
    @trace(name="one try")
    def order() -> None:
        tries.append(1)
        if len(tries) < 3:
            raise ValueError("busy")

    order()
    rows = select("data, status, span_id, parent_span_id")
    assert [row[:2] for row in rows] == [("one try", "ERROR"), ("one try", "ERROR"), ("one try", "OK"), ("order", "OK")]
    assert {row[3] for row in rows[:3]} == {rows[3][2]}


def test_a_partial_of_a_coroutine_is_one_call_with_its_real_end(select: Select) -> None:
    async def load(kind: str, n: int) -> int:
        await asyncio.sleep(0)
        if n < 0:
            raise ValueError(kind)
        return n

    load_user = trace(name="load user")(functools.partial(load, "user"))
    assert asyncio.run(load_user(1)) == 1
    with pytest.raises(ValueError, match="user"):
        asyncio.run(load_user(-1))
    assert select("data, data_value, exception") == [("load user", "1", None), ("load user", None, "ValueError: user")]


def test_a_call_that_failed_keeps_its_arguments_briefly_and_without_secrets(select: Select) -> None:
    class Order:
        lines = 3

    @trace
    def fail(
        a: int, order: Order, *rest: int, password: str, many: list[int], text: str = "token=abc", **more: object
    ) -> None:
        raise LookupError(a, order, rest, password, many, text, more)

    @trace
    def fine(a: int) -> int:
        return a

    @trace
    async def later(n: int) -> None:
        raise LookupError(n)

    with pytest.raises(LookupError):
        fail(1, Order(), 2, 3, password="hunter2", many=[0] * 50, few=[1, "x"])  # noqa: S106 - not one
    with pytest.raises(LookupError):
        asyncio.run(later(7))
    fine(1)
    first, second, third = ((json.loads(row[0]) if row[0] else {}) for row in select("attributes"))
    assert first["attributes"] == {
        "obs.argument.a": "1",
        "obs.argument.order": "<Order>",
        "obs.argument.rest": "(2, 3)",
        "obs.argument.password": "[redacted]",
        "obs.argument.many": "<list of 50>",
        "obs.argument.text": "token=[redacted]",
        "obs.argument.more": "<dict of 1>",
    }
    assert second["attributes"] == {"obs.argument.n": "7"}
    assert "attributes" not in third


def test_calls_that_are_left_in_another_context_are_recorded(select: Select) -> None:
    @contextmanager
    def session() -> Iterator[None]:
        with span("session"):
            yield

    @trace
    async def waits() -> None:
        await asyncio.Future(loop=loop)

    loop = asyncio.new_event_loop()
    manager, waiting = session(), waits()
    contextvars.copy_context().run(manager.__enter__)
    manager.__exit__(None, None, None)
    contextvars.copy_context().run(waiting.send, None)
    waiting.close()
    loop.close()
    assert select("data, status") == [("session", "OK"), ("waits", "OK")]
    assert obs_core.current_trace_id() is None


def test_headers_count_for_their_own_request_only(select: Select) -> None:
    @trace
    def serve(who: str) -> str:
        return who

    headers = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}

    def requests() -> None:
        for who, carrier in (("ann", headers), ("bob", {}), ("eve", {"traceparent": "garbage"})):
            extract(carrier)
            serve(who)
        with span("own"):
            with extracted(headers):
                serve("ann")
            with extracted({}):
                serve("bob")

    thread = threading.Thread(target=requests)
    thread.start()
    thread.join()
    rows: dict[str, list[tuple[str, str | None]]] = {}
    for who, trace_id, parent in select("data_value, trace_id, parent_span_id", "data = 'serve'"):
        rows.setdefault(who, []).append((trace_id, parent))
    assert rows["ann"] == [("a" * 32, "b" * 16)] * 2
    assert {parent for who in ("bob", "eve") for _, parent in rows[who]} == {None}
    assert len({trace_id for who in ("bob", "eve") for trace_id, _ in rows[who]}) == 3


def test_a_function_that_is_shipped_by_value_is_recorded_where_it_runs_in_the_same_trace(
    select: Select, log: Path, tmp_path: Path
) -> None:
    cloudpickle = pytest.importorskip("cloudpickle")
    shipped = tmp_path / "shipped"
    namespace: dict[str, Any] = {"__name__": "__main__"}
    code = "from obs_core import trace\n@trace\ndef double(n): return 2 * n if n < 3 else double(n - 1)\n"
    exec(code, namespace)  # noqa: S102 - a function of a main program
    with span("ship"):
        shipped.write_bytes(cloudpickle.dumps(namespace["double"]))
    assert select("data") == [("ship",)]
    output, errors = program(
        log,
        f"""
        import cloudpickle, pathlib, obs_core
        for n in range(60): obs_core.span(str(n)).__enter__()
        double = cloudpickle.loads(pathlib.Path({str(shipped)!r}).read_bytes())
        import contextvars
        print(contextvars.Context().run(double, 3))
        """,
    )
    assert (output, errors) == ("4\n", "")
    ((trace_id, span_id),) = select("trace_id, span_id", "data = 'ship'")
    inner, outer = select("trace_id, span_id, parent_span_id, data_value", "data = 'double'")
    assert outer[0] == trace_id
    assert (outer[2], inner[2]) == (span_id, outer[1])
    assert writer.dropped() == 0

"""The properties that a decorated function keeps, and the rows of each kind of function."""

import asyncio
import inspect
import logging
import pickle
import subprocess
import sys
import threading
import types
from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import Status, StatusCode

import obs_core
from obs_core import current_trace_id, extract, extracted, inject, instrument, record, span, trace, uninstrument
from obs_core.capture import writer
from obs_core.capture.calls.traced_function import traced_by
from obs_core.capture.logging import Handler
from obs_core.capture.otel import CodeProcessor, Exporter
from tests.capture.conftest import Select


@trace
def plain(x: float, *, scale: float = 2.0) -> float:
    """Scale it."""
    return x * scale


@trace
def counted(n: int) -> Generator[int, str, str]:
    got = ""
    for number in range(n):
        record("at", number)
        got += (yield number) or ""
    return got


@trace
async def ticks(n: int) -> AsyncGenerator[int, None]:
    for number in range(n):
        await asyncio.sleep(0)
        yield plain(number)  # type: ignore[misc]


@trace
class Shop:
    """Its public methods are traced."""

    opened = 1

    def sell(self, what: str) -> str:
        return what

    @classmethod
    def named(cls) -> str:
        return cls.__name__

    @staticmethod
    def tax(x: float) -> float:
        return x / 5

    def _private(self) -> None:
        self.opened = 2


def test_a_decorated_function_keeps_its_signature_docstring_and_pickle() -> None:
    assert list(inspect.signature(plain).parameters) == ["x", "scale"]
    assert (plain.__name__, plain.__doc__) == ("plain", "Scale it.")
    assert pickle.loads(pickle.dumps(plain)) is plain  # noqa: S301 - our own
    assert inspect.isgeneratorfunction(counted)
    assert inspect.isasyncgenfunction(ticks)
    assert trace(plain) is plain


def test_methods_of_every_kind_are_traced_and_private_ones_are_not(select: Select) -> None:
    shop = Shop()
    assert (shop.sell("tea"), Shop.named(), Shop.tax(5.0), shop.tax(10.0)) == ("tea", "Shop", 1.0, 2.0)
    shop._private()
    own = f"{__name__}.Shop."
    assert select("function, data_value") == [
        (own + "sell", "tea"),
        (own + "named", "Shop"),
        (own + "tax", "1.0"),
        (own + "tax", "2.0"),
    ]


def test_a_generator_is_one_call_with_its_return_value_and_child_values(select: Select) -> None:
    steps = counted(2)
    assert next(steps) == 0
    assert current_trace_id() is None
    assert steps.send("a") == 1
    with pytest.raises(StopIteration) as stopped:
        steps.send("b")
    assert stopped.value.value == "ab"
    *values, (kind, call, _, text) = select("kind, span_id, parent_span_id, data_value")
    assert (kind, text) == ("call", "ab")
    assert values == [("value", None, call, "0"), ("value", None, call, "1")]


def test_closing_a_generator_or_throwing_into_it_ends_its_call(select: Select) -> None:
    left = counted(5)
    next(left)
    left.close()
    thrown = counted(5)
    next(thrown)
    with pytest.raises(LookupError):
        thrown.throw(LookupError("no more"))
    assert select("status, exception", "kind = 'call'") == [("OK", None), ("ERROR", "LookupError: no more")]


def test_an_async_generator_is_one_call_and_the_parent_of_its_calls(select: Select) -> None:
    async def all_of_them() -> list[int]:
        return [tick async for tick in ticks(3)]

    assert asyncio.run(all_of_them()) == [0, 2, 4]
    rows = select("data, span_id, parent_span_id")
    outer = rows[-1][1]
    assert [row[0] for row in rows] == ["plain"] * 3 + ["ticks"]
    assert {row[2] for row in rows[:-1]} == {outer}


def test_options_name_the_call_record_arguments_and_leave_the_result_out(select: Select) -> None:
    @trace(name="sum", args=True, result=False)
    def add(a: int, b: int = 2, *more: int, password: str | None = None) -> int:
        return a + b + sum(more) + len(password or "")

    secret = {"password": "hunter2"}
    assert add(1, 2, 3, **secret) == 13
    with pytest.raises(TypeError, match="missing 1 required positional"):
        add()  # type: ignore[call-arg]
    values = select("data, data_value", "kind = 'value'")
    assert values == [("sum.a", "1"), ("sum.b", "2"), ("sum.more", "(3,)"), ("sum.password", "[redacted]")]
    assert select("data, data_type, data_value, status", "kind = 'call'") == [("sum", None, None, "OK")]


def test_a_call_that_sampling_leaves_out_leaves_out_its_subtree(select: Select) -> None:
    @trace(sample=0)
    def silent() -> float:
        record("unseen", 1)
        with span("unseen"):
            return plain(1.0)

    assert silent() == 2.0
    plain(3.0)
    assert select("data, data_value") == [("plain", "6.0")]


def test_memory_is_measured_on_request_and_null_otherwise(select: Select) -> None:
    @trace(memory=True)
    def hoard() -> int:
        return len(bytearray(1000))

    hoard()
    plain(1.0)
    (asked,), (unasked,) = select("memory_delta")
    assert isinstance(asked, int)
    assert unasked is None


def test_the_result_of_a_function_that_makes_secrets_is_redacted(select: Select) -> None:
    @trace
    def make_token() -> str:
        return "hunter2"

    assert make_token() == "hunter2"
    assert select("data_value") == [("[redacted]",)]


def test_instrument_traces_a_package_in_place_reports_what_it_misses_and_can_be_undone(
    select: Select, monkeypatch: pytest.MonkeyPatch
) -> None:
    module: Any = types.ModuleType("parcels")
    code = (
        "def price(): return 1\n"
        "TABLE = {'price': price}\n"
        "def sent(x): return x + price()\n"
        "class Box:\n"
        "    @property\n"
        "    def size(self): return sent(1)\n"
        "    def left_out(self): return 0\n"
        "class Task:\n"
        "    def __call__(self): return 4\n"
        "TASK = Task()\n"
    )
    exec(code, vars(module))  # noqa: S102 - a module made here
    monkeypatch.setitem(sys.modules, "parcels", module)
    done = instrument("parcels", exclude=("*.left_out", "*.__call__"))
    assert done.traced == ("parcels.Box.size", "parcels.price", "parcels.sent")
    assert done.missed == ("parcels.TASK: an object of type Task",)
    assert module.TABLE["price"] is module.price
    assert (module.Box().size, module.Box().left_out(), module.TABLE["price"](), module.TASK()) == (2, 0, 1, 4)
    assert select("function") == [("parcels.price",), ("parcels.sent",), ("parcels.Box.size",), ("parcels.price",)]
    assert instrument(module).traced == ("parcels.Box.left_out", "parcels.Task.__call__")
    assert uninstrument("parcels") == tuple(sorted((*done.traced, "parcels.Box.left_out", "parcels.Task.__call__")))
    assert module.price() == 1
    assert len(select("1")) == 4


def test_traceparent_joins_services_and_subprocesses(select: Select, log: Path) -> None:
    with span("here"):
        headers = dict(inject({"host": "x"}))
        environment = inject({"PATH": "", "PYTHONPATH": str(Path(__file__).parents[3]), "OBS_LOG": str(log)})
        code = "import obs_core; obs_core.record('there', 1)"
        subprocess.run([sys.executable, "-c", code], check=True, env=dict(environment))
    assert headers["traceparent"].startswith("00-")
    rows = {}

    def serve() -> None:
        extract({"Traceparent": headers["traceparent"]})
        plain(1.0)
        rows["trace"] = current_trace_id()

    thread = threading.Thread(target=serve)
    thread.start()
    thread.join()
    ((trace_id, span_id),) = select("trace_id, span_id", "data = 'here'")
    assert headers["traceparent"] == f"00-{trace_id}-{span_id}-01"
    assert select("trace_id, parent_span_id", "data IN ('plain', 'there')") == [(trace_id, span_id)] * 2
    assert rows["trace"] == trace_id
    assert inject() == {}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
    ],
)
def test_a_traceparent_that_is_not_valid_starts_no_trace(text: str) -> None:
    with extracted({"traceparent": text}) as remote:
        assert remote is None
    with extracted({"traceparent": "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what"}) as remote:
        assert remote == (0x4BF92F3577B34DA6, 0xA3CE929D0E0E4736, 0xF067AA0BA902B7, None)


def test_log_records_are_rows_linked_to_the_running_call(select: Select) -> None:
    logger = logging.getLogger("shop.till")
    handler = Handler()
    logger.addHandler(handler)
    try:
        with span("checkout"):
            logger.warning("stock is %d, password=%s", 3, "hunter2")
            try:
                raise ValueError("no change")
            except ValueError:
                logger.exception("failed")
    finally:
        logger.removeHandler(handler)
    call = select("span_id", "kind = 'call'")[0][0]
    rows = select("data, data_type, data_value, status, exception, parent_span_id", "kind = 'log'")
    assert rows == [
        ("shop.till", "WARNING", "stock is 3, password=[redacted]", "OK", None, call),
        ("shop.till", "ERROR", "failed", "ERROR", "ValueError: no change", call),
    ]


def test_spans_of_the_opentelemetry_sdk_become_rows_with_their_code_location(select: Select) -> None:
    provider = TracerProvider(resource=Resource({"service.name": "shop", "service.instance.id": "shop-1"}))
    provider.add_span_processor(CodeProcessor())
    provider.add_span_processor(SimpleSpanProcessor(Exporter()))
    tracer = provider.get_tracer("tests")
    with tracer.start_as_current_span("outer", attributes={"api_key": "hunter2", "n": 3}):
        inner = tracer.start_span("inner")
        inner.record_exception(KeyError("gone"))
        inner.set_status(Status(StatusCode.ERROR, "broke"))
        inner.end()
    provider.shutdown()
    inside, outside = select("data, process, process_group, status, exception, function, span_id, parent_span_id")
    function = f"{__name__}.test_spans_of_the_opentelemetry_sdk_become_rows_with_their_code_location"
    assert inside[:6] == ("inner", "shop-1", "shop", "ERROR", "KeyError: 'gone'", function)
    assert outside[:6] == ("outer", "shop-1", "shop", "UNSET", None, function)
    assert inside[7] == outside[6]
    ((attributes,),) = select("attributes", "data = 'outer'")
    assert '"n": 3' in attributes
    assert "code.line.number" in attributes
    assert "hunter2" not in attributes


def test_our_own_errors_are_never_raised_into_the_program(select: Select, monkeypatch: pytest.MonkeyPatch) -> None:
    before = writer.dropped()
    work: Any = traced_by(plain)  # type: ignore[arg-type]
    monkeypatch.setattr(work.tools, "pack", None)
    assert plain(1.0) == 2.0
    monkeypatch.undo()
    assert writer.dropped() == before
    plain(2.0)
    assert select("data_value") == [("2.0",), ("4.0",)]
    assert obs_core.flush()

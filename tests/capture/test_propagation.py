"""Headers and environments connect calls of several processes, also with OpenTelemetry's SDK at the other end."""

import asyncio
import json
import os
import random
import string
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextvars import copy_context
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import baggage as otel_baggage
from opentelemetry import trace as otel_trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context
from opentelemetry.propagators._envcarrier import EnvironmentGetter, EnvironmentSetter
from opentelemetry.propagators.textmap import Setter, default_setter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

import obs_core
from obs_core import extract, extracted, inject, record, span, trace
from obs_core.capture import propagation
from obs_core.capture.values.redact import REDACTED
from tests.capture.conftest import PARENT, REMOTE, TRACE, Select

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.usefixtures("own_context")


@trace
def number(value: float) -> float:
    return value


@trace
def dictionary(value: str) -> dict[str, str]:
    return {"value": value}


@trace
def fails(reason: str) -> None:
    raise ValueError(reason)


@trace(args=True)
def with_options(value: int) -> int:
    return value


@trace
def steps() -> Iterator[int]:
    yield 1
    yield 2


@trace
async def coroutine(value: int) -> int:
    await asyncio.sleep(0)
    return value


def block() -> None:
    with span("block"):
        pass


def raised() -> None:
    with pytest.raises(ValueError, match="no stock"):
        fails("no stock")


CALLS: dict[str, tuple[str, Callable[[], Any]]] = {
    "a float": ("number", lambda: number(1.5)),
    "a dict": ("dictionary", lambda: dictionary("x")),
    "an exception": ("fails", raised),
    "options": ("with_options", lambda: with_options(1)),
    "a generator": ("steps", lambda: list(steps())),
    "a coroutine": ("coroutine", lambda: asyncio.run(coroutine(1))),
    "a span": ("block", block),
}


def baggage_of(text: str | None) -> dict[str, str]:
    attributes = json.loads(text or "{}").get("attributes", {})
    return {name: value for name, value in attributes.items() if name.startswith("baggage.")}


@pytest.mark.parametrize("kind", CALLS)
def test_only_the_first_call_below_a_remote_parent_has_its_baggage(kind: str, select: Select) -> None:
    name, call = CALLS[kind]
    with extracted({**REMOTE, "baggage": "user.id=ann%20b,plan=gold;ttl=5"}):
        call()
        call()
        number(2.5)
    rows = select("data, trace_id, parent_span_id, attributes, status, data_value", "kind = 'call'")
    assert [row[:3] for row in rows] == [(name, TRACE, PARENT), (name, TRACE, PARENT), ("number", TRACE, PARENT)]
    assert [baggage_of(row[3]) for row in rows] == [{"baggage.user.id": "ann b", "baggage.plan": "gold"}, {}, {}]
    assert rows[0][4:] == rows[1][4:]
    if kind == "an exception":
        assert json.loads(rows[0][3])["attributes"]["obs.argument.reason"] == "no stock"


def test_calls_below_the_first_and_values_have_no_baggage(select: Select) -> None:
    @trace
    def outer() -> dict[str, float]:
        record("inside", 1)
        return {"inner": number(1.5)}

    with extracted({**REMOTE, "baggage": "a=1"}):
        record("before", 1)
        outer()
    rows = {data: (parent, baggage_of(text)) for data, parent, text in select("data, parent_span_id, attributes")}
    assert rows["before"] == (PARENT, {})
    assert [name for name, (_, members) in rows.items() if members] == ["outer"]


def test_a_call_that_sampling_leaves_out_leaves_the_baggage_to_the_next(select: Select) -> None:
    @trace(sample=0)
    def left_out() -> None:
        number(1.5)

    with extracted({**REMOTE, "baggage": "a=1"}):
        left_out()
        number(2.5)
    assert [(data, baggage_of(text)) for data, text in select("data, attributes")] == [("number", {"baggage.a": "1"})]


def test_baggage_without_a_valid_traceparent_is_passed_on_but_not_recorded(select: Select) -> None:
    for carrier in ({}, {"traceparent": "garbage"}, {"traceparent": f"00-{TRACE}-{'0' * 16}-01"}):
        with extracted({**carrier, "baggage": "a=1;p=2", "tracestate": "x=1"}) as remote:
            assert remote is None
            assert inject() == {"baggage": "a=1;p=2"}
            number(1.5)
    assert select("parent_span_id, attributes") == [(None, None)] * 3


def test_secrets_in_baggage_are_redacted_in_the_log_and_passed_on_unchanged(select: Select, log: Path) -> None:
    members = "password=hunter2,note=api_key%3Dhunter2,user=ann,auth=Bearer%20hunter2abc,session_id=hunter2"
    with extracted({**REMOTE, "baggage": members}):
        assert inject()["baggage"] == members
        number(1.5)
    ((text,),) = select("attributes")
    assert baggage_of(text) == {
        "baggage.password": REDACTED,
        "baggage.note": f"api_key={REDACTED}",
        "baggage.user": "ann",
        "baggage.auth": f"Bearer {REDACTED}",
        "baggage.session_id": REDACTED,
    }
    assert not [path for path in log.parent.rglob("*") if path.is_file() and b"hunter2" in path.read_bytes()]


def test_tracestate_is_passed_on_within_its_trace_only(select: Select) -> None:
    with extracted({**REMOTE, "TraceState": " vendor=a:b ,, 0tenant@sys=x "}):
        assert inject() == {**REMOTE, "tracestate": "vendor=a:b,0tenant@sys=x"}
        with span("inside"):
            headers = inject()
        context = copy_context()
        context.run(extract, {"traceparent": f"00-{'c' * 32}-{PARENT}-01"})
        assert context.run(inject) == {"traceparent": f"00-{'c' * 32}-{PARENT}-01"}
    ((span_id,),) = select("span_id")
    assert headers == {"traceparent": f"00-{TRACE}-{span_id}-01", "tracestate": "vendor=a:b,0tenant@sys=x"}
    assert inject() == {}


def injected_by_opentelemetry(
    context: Context, setter: Setter[MutableMapping[str, str]] = default_setter
) -> MutableMapping[str, str]:
    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier, context, setter)
    W3CBaggagePropagator().inject(carrier, context, setter)
    return carrier


def random_baggage(seed: int) -> dict[str, str]:
    """Keys that are tokens, without those that OpenTelemetry encodes; it writes a space as +, so values have none."""
    draw = random.Random(seed)  # noqa: S311 - a test
    alphabet = string.printable.translate({ord(char): None for char in string.whitespace}) + "äß€漢🙂\x7f"
    keys = ("".join(draw.choices(string.ascii_letters + string.digits + "-._~", k=8)) for _ in range(draw.randrange(9)))
    return {key: "".join(draw.choices(alphabet, k=draw.randrange(20))) for key in keys}


@pytest.mark.parametrize("seed", range(30))
def test_what_opentelemetry_injects_is_extracted_and_passed_on(seed: int, select: Select) -> None:
    members = random_baggage(seed)
    span_ = TracerProvider().get_tracer("t").start_span("client")
    context = otel_trace.set_span_in_context(span_)
    for key, value in members.items():
        context = otel_baggage.set_baggage(key, value, context)
    ids = span_.get_span_context()
    with extracted(injected_by_opentelemetry(context)):
        number(1.5)
        with span("client of the next"):
            headers = dict(inject())
    first, client = select("trace_id, parent_span_id, span_id, attributes")
    assert first[:2] == (f"{ids.trace_id:032x}", f"{ids.span_id:016x}")
    assert baggage_of(first[3]) == {f"baggage.{key}": value for key, value in members.items()}
    received = W3CBaggagePropagator().extract(headers, TraceContextTextMapPropagator().extract(headers))
    there = otel_trace.get_current_span(received).get_span_context()
    assert (f"{there.trace_id:032x}", f"{there.span_id:016x}", there.is_remote) == (first[0], client[2], True)
    assert dict(otel_baggage.get_all(received)) == members


def test_requests_of_one_thread_and_of_others_share_no_headers(select: Select) -> None:
    whole = {**REMOTE, "baggage": "who=ann", "tracestate": "x=1"}
    seen: dict[str, dict[str, str]] = {}

    def requests() -> None:
        seen["other thread"] = dict(inject())
        for name, carrier in (("whole", whole), ("parent", REMOTE), ("baggage", {"baggage": "who=bob"}), ("none", {})):
            extract(carrier)
            number(1.5)
            seen[name] = dict(inject())
            with extracted({"baggage": "who=eve"}):
                pass
            assert inject() == seen[name]

    extract(whole)
    thread = threading.Thread(target=requests)
    thread.start()
    thread.join()
    assert seen == {
        "other thread": {},
        "whole": whole,
        "parent": REMOTE,
        "baggage": {"baggage": "who=bob"},
        "none": {},
    }
    rows = select("trace_id = :trace, attributes".replace(":trace", f"'{TRACE}'"))
    assert [(joined, baggage_of(text)) for joined, text in rows] == [
        (1, {"baggage.who": "ann"}),
        (1, {}),
        (0, {}),
        (0, {}),
    ]


def test_one_call_of_many_threads_gets_the_baggage(select: Select) -> None:
    with extracted({**REMOTE, "baggage": "a=1"}):
        contexts = [copy_context() for _ in range(8)]
    threads = [threading.Thread(target=context.run, args=(number, 1.5)) for context in contexts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = select("parent_span_id, attributes")
    assert sorted((parent, len(baggage_of(text))) for parent, text in rows) == [(PARENT, 0)] * 7 + [(PARENT, 1)]


PROGRAM = """
import json, os, subprocess, sys
import obs_core

@obs_core.trace
def work(value): return value

work(1.5)
work(2.5)
print(json.dumps(dict(obs_core.inject())))
if len(sys.argv) > 1:
    with obs_core.extracted({}), obs_core.span("request of its own"):
        subprocess.run([sys.executable, __file__], check=True, env=obs_core.inject(dict(os.environ)))
"""


def run(tmp_path: Path, log: Path, environment: Mapping[str, str], *arguments: str) -> str:
    script = tmp_path / "child.py"
    script.write_text(PROGRAM, "utf-8")
    own = {name: text for name, text in os.environ.items() if name.lower() not in propagation.NAMES}
    environment = {**own, "PYTHONPATH": str(ROOT), "OBS_LOG": str(log), **environment}
    return subprocess.run(
        [sys.executable, str(script), *arguments], check=True, env=environment, capture_output=True, text=True
    ).stdout


def test_a_child_process_joins_the_trace_of_its_environment(select: Select, log: Path, tmp_path: Path) -> None:
    with extracted({**REMOTE, "baggage": "ci.run=5;p,token=abc", "tracestate": "x=1"}), span("client"):
        variables = inject({"PATH": ""})
        run(tmp_path, log, variables)
    assert set(variables) == {"PATH", "TRACEPARENT", "TRACESTATE", "BAGGAGE"}
    ((client, text),) = select("span_id, attributes", "data = 'client'")
    rows = select("trace_id, parent_span_id, attributes", "data = 'work'")
    assert [row[:2] for row in rows] == [(TRACE, client)] * 2
    members = {"baggage.ci.run": "5", "baggage.token": REDACTED}
    assert [baggage_of(text), *(baggage_of(row[2]) for row in rows)] == [members, members, {}]


def test_ci_with_opentelemetry_starts_a_program_that_joins_its_trace(select: Select, log: Path, tmp_path: Path) -> None:
    step = TracerProvider().get_tracer("ci").start_span("step")
    context = otel_baggage.set_baggage("pipeline", "release/7", otel_trace.set_span_in_context(step))
    variables = injected_by_opentelemetry(context, EnvironmentSetter())
    printed = run(tmp_path, log, variables)
    ids = step.get_span_context()
    rows = select("trace_id, parent_span_id, attributes", "data = 'work'")
    assert [row[:2] for row in rows] == [(f"{ids.trace_id:032x}", f"{ids.span_id:016x}")] * 2
    assert baggage_of(rows[0][2]) == {"baggage.pipeline": "release/7"}
    environment = {name.upper(): text for name, text in json.loads(printed).items()}
    there = TraceContextTextMapPropagator().extract(environment, getter=EnvironmentGetter())
    assert otel_trace.get_current_span(there).get_span_context().span_id == ids.span_id


def test_a_request_of_a_child_process_does_not_pass_on_the_environment_of_the_process(
    select: Select, log: Path, tmp_path: Path
) -> None:
    variables = {"TRACEPARENT": REMOTE["traceparent"], "TRACESTATE": "x=1", "BAGGAGE": "a=1"}
    run(tmp_path, log, variables, "and a child")
    ((trace_id, span_id),) = select("trace_id, span_id", "data = 'request of its own'")
    rows = select("trace_id, parent_span_id, attributes", "data = 'work'")
    assert trace_id != TRACE
    assert [row[:2] for row in rows] == [(TRACE, PARENT)] * 2 + [(trace_id, span_id)] * 2
    assert [baggage_of(row[2]) for row in rows] == [{"baggage.a": "1"}, {}, {}, {}]


def test_the_extracted_block_may_be_left_in_another_context() -> None:
    extract({"baggage": "outer=1"})
    block = extracted({**REMOTE, "baggage": "a=1"})
    copy_context().run(block.__enter__)
    block.__exit__(None, None, None)
    assert inject() == {"baggage": "outer=1"}
    block = extracted({**REMOTE, "baggage": "a=1"})
    block.__enter__()
    inner = copy_context()
    inner.run(block.__exit__, None, None, None)
    assert inner.run(inject) == {"baggage": "outer=1"}
    block.__exit__(None, None, None)
    assert obs_core.current_trace_id() is None

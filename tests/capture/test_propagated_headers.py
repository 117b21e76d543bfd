"""The headers of W3C Trace Context and Baggage: what is valid, their limits, and headers that mean harm."""

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import pytest
from opentelemetry import trace as otel_trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from obs_core import extract, extracted, inject, span, trace
from obs_core.capture import propagation
from tests.capture.conftest import PARENT, REMOTE, TRACE, Select

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.usefixtures("own_context")


@trace
def number(value: float) -> float:
    return value


def baggage_of(text: str | None) -> dict[str, str]:
    attributes = json.loads(text or "{}").get("attributes", {})
    return {name: value for name, value in attributes.items() if name.startswith("baggage.")}


MEMBERS = {
    "a=1,b=2": {"a": "1", "b": "2"},
    " a = 1 ;p ; q = 3,\tb=2 ": {"a": "1", "b": "2"},
    "a=1,a=2": {"a": "2"},
    "a=": {"a": ""},
    "a=b=c": {"a": "b=c"},
    "a=x+y": {"a": "x+y"},
    "a=%E2%82%AC": {"a": "€"},
    "a=%FF%e2%82": {"a": "\ufffd\ufffd"},
    "a=100%": {"a": "100%"},
    "%61=1": {"%61": "1"},
    ",,a=1,,": {"a": "1"},
    'a,=1,a b=1,a=1 2,a="x",a=\\,a=é,é=1,a=1\x00,(=1,ok=1': {"ok": "1"},
    "a=1;=2,b=1;p q,c=1;,ok=1": {"ok": "1"},
}


@pytest.mark.parametrize("text", MEMBERS)
def test_members_of_a_baggage_are_read_as_w3c_baggage_writes_them(text: str) -> None:
    members = propagation.parse_baggage(text)
    assert propagation.values(members) == MEMBERS[text]
    assert propagation.parse_baggage(",".join(members.values())) == members


def test_properties_are_passed_on_as_they_arrived() -> None:
    with extracted({**REMOTE, "baggage": "a=1 ; p ;q= 3 , b=2;%20"}):
        assert inject()["baggage"] == "a=1 ; p ;q= 3,b=2;%20"


@pytest.mark.parametrize("seed", range(20))
def test_a_baggage_is_limited_to_64_members_and_8192_bytes(seed: int) -> None:
    draw = random.Random(seed)  # noqa: S311 - a test
    sizes = [draw.choice((1, 40, 127, 128, 300, 4000, 9000)) for _ in range(draw.randrange(1, 100))]
    members = [f"k{index}={'v' * size}" for index, size in enumerate(sizes)]
    passed = list(propagation.parse_baggage(",".join(members)).values())
    assert passed == [member for member in members if member in passed]
    assert len(passed) <= 64
    assert len(",".join(passed)) <= 8192
    if len(members) <= 64 and len(",".join(members)) <= 8192:
        assert passed == members
    elif len(passed) < 64:  # another one would be too much
        left = [member for member in members if member not in passed]
        assert all(len(",".join([*passed, member])) > 8192 for member in left[:1])


def test_exactly_64_members_and_exactly_8192_bytes_are_passed_on() -> None:
    full = ",".join(f"{index:03}={'v' * 123}" for index in range(64))
    full += "v" * (8192 - len(full))
    assert len(propagation.parse_baggage(full)) == 64
    assert len(propagation.parse_baggage(full + "v")) == 63
    assert list(propagation.parse_baggage(",".join(f"{index}=1" for index in range(65))))[-1] == "63"


STATES = ["a=1", "a=1,b=2", "a=1, ,b=2", "a=1,a=2", "A=1", "a=", "a=é", "a", "=1", "t@v=1", "a=b=c", "a=x y", "a=\x00"]
STATES += [",".join(f"k{index}=1" for index in range(count)) for count in (32, 33)]


@pytest.mark.parametrize("text", STATES)
def test_a_tracestate_is_valid_or_dropped_as_in_opentelemetry(text: str) -> None:
    context = TraceContextTextMapPropagator().extract({**REMOTE, "tracestate": text})
    state = otel_trace.get_current_span(context).get_span_context().trace_state
    assert propagation.read({**REMOTE, "tracestate": text}).tracestate == state.to_header()


class Hostile(str):
    __slots__ = ()

    def lower(self) -> str:
        raise SystemError

    def strip(self, _chars: str | None = None, /) -> str:
        raise SystemError


class Raising(dict[str, str]):
    def items(self) -> NoReturn:
        raise RuntimeError

    def update(self, *_args: object) -> None:  # type: ignore[override]
        raise RuntimeError


HOSTILE: dict[str, Any] = {
    "huge": {"traceparent": "0" * 10_000_000, "baggage": "a=" + "x" * 10_000_000, "tracestate": "a" * 10_000_000},
    "many": {**REMOTE, "baggage": ",".join(f"a{i}=1" for i in range(500_000)), "tracestate": "a=1," * 500_000},
    "commas": {**REMOTE, "baggage": "," * 5_000_000, "tracestate": "," * 5_000_000},
    "spaces": {**REMOTE, "baggage": "a=1" + " " * 60_000 + "x", "tracestate": "a" + " " * 8_000},
    "semicolons": {**REMOTE, "baggage": "a=1" + ";p" * 30_000 + '"'},
    "NUL": {"traceparent": f"00-{TRACE}-{PARENT}-01\0", "baggage": "a=\0", "\0": "\0"},
    "lines": {**REMOTE, "baggage": "a=1\r\nSet-Cookie: x", "tracestate": "a=1\r\nX: y"},
    "not texts": {"traceparent": 5, "baggage": None, "tracestate": object(), None: "x", 7: b"\xff"},
    "surrogates": {**REMOTE, "baggage": "a=\udcff,\udcff=1", "tracestate": "a=\udcff"},
    "bytes": {b"traceparent": b"\xff\xfe", b"baggage": b"\xff=\xff"},
    "raises": Raising(REMOTE),
    "a number": 5,
    "single items": [1, 2, 3],
    "two parents": [("traceparent", REMOTE["traceparent"]), ("traceparent", f"00-{'c' * 32}-{PARENT}-01")],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_headers_raise_nothing_and_no_line_of_them_is_passed_on(name: str, select: Select) -> None:
    with extracted(HOSTILE[name]):
        number(1.5)
        headers = inject()
    extract(HOSTILE[name])
    number(2.5)
    assert len(select("1")) == 2
    for text in headers.values():
        assert text.isascii()
        assert text.isprintable()
        assert len(text) <= 8192


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize("carrier", [Raising(), (), 5, Mapping])
def test_a_carrier_that_can_not_be_written_raises_nothing(carrier: Any) -> None:  # noqa: ANN401
    with span("client"):
        assert inject(carrier) is carrier


def test_headers_may_be_pairs_of_bytes_in_any_case_and_come_in_parts(select: Select) -> None:
    pairs: Any = [
        (b"TraceParent", REMOTE["traceparent"].encode()),
        (b"Baggage", b"a=1"),
        (b"BAGGAGE", b"b=2,a=3"),
        (Hostile("tracestate"), [Hostile("x=1"), "y=2"]),
    ]
    with extracted(pairs):  # as ASGI passes them
        assert inject() == {**REMOTE, "tracestate": "x=1,y=2", "baggage": "a=3,b=2"}
        number(1.5)
    ((trace_id, text),) = select("trace_id, attributes")
    assert (trace_id, baggage_of(text)) == (TRACE, {"baggage.a": "3", "baggage.b": "2"})

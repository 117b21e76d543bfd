"""The description of values: their type and text, within limits, without running the program's code."""

import dataclasses
import datetime as dt
import decimal
import enum
import time
import types
from collections import OrderedDict, namedtuple
from typing import Any, NoReturn

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from obs_core.capture.drain.row_builder import _text
from obs_core.capture.spool.frames import encode_value
from obs_core.capture.values.describe import describe
from obs_core.capture.values.limits import rules
from obs_core.capture.values.redact import DEFAULT_NAMES, Redaction
from obs_core.capture.values.summary import description


@dataclasses.dataclass
class Order:
    symbol: str
    amount: float
    api_key: str = "hunter2"


class Slotted:
    __slots__ = ("a", "b")

    def __init__(self) -> None:
        """Fill one slot."""
        self.a = 1


def refuse(*_: object) -> NoReturn:
    raise RuntimeError("asked")


Alien = type(
    "Alien",
    (),
    dict.fromkeys(
        ("__repr__", "__str__", "__len__", "__iter__", "__hash__", "__getattr__", "__eq__", "__bool__"), refuse
    ),
)
"""Every special method of its objects raises."""


class Colour(enum.Enum):
    RED = 1


Point = namedtuple("Point", "x y")  # noqa: PYI024 - the untyped kind


def text_of(value: object) -> str | None:
    """The text of `value` in the log."""
    plain, more = describe(value)
    encode_value(plain, more)  # it can be marshalled
    if more is None and (text := _text(plain)) is not None:
        return text
    return str((more or description(plain))["text"])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.5, "1.5"),
        (None, "None"),
        ("text", "text"),
        ({"a": 1.0, "b": "c", "d": None}, "{'a': 1.0, 'b': 'c', 'd': None}"),
        ([1, [2, {"x": (3,)}]], "[1, [2, {'x': (3,)}]]"),
        (OrderedDict(a=1), "{'a': 1}"),
        ({1, 2}, "{1, 2}"),
        (Order("X", 2.0), "Order(symbol='X', amount=2.0, api_key=[redacted])"),
        (Slotted(), "Slotted(a=1)"),
        (Point(1, 2), "Point(x=1, y=2)"),
        (Colour.RED, "Colour.RED"),
        (dt.date(2024, 2, 29), "datetime.date(2024, 2, 29)"),
        (decimal.Decimal("1.10"), "Decimal('1.10')"),
        (10**5000, "<int of 16,610 bits>"),
        ({"a": 10**5000}, "{'a': <int of 16,610 bits>}"),
        (Alien(), "Alien()"),
        ([Alien()], "[Alien()]"),
        (len, "<builtin_function_or_method>"),
        (b"ab", "b'ab'"),
        (np.zeros((2, 3)), "ndarray 2 x 3 float64"),
        (np.float64(1.5), "1.5"),
        (pd.DataFrame({"a": [1, 2], "b": [3, 4]}), "DataFrame 2 rows x 2 columns (a, b)"),
        (pd.Series([1.0, 2.0]), "Series 2 float64"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_has_a_familiar_text(value: object, text: str) -> None:
    assert text_of(value) == text


def test_a_cut_text_is_marked_and_has_its_length_and_hash() -> None:
    one, other = "a" * 9999 + "b", "a" * 9999 + "c"
    first, second = describe(one)[1], describe(other)[1]
    assert first
    assert second
    assert first["text"] == "a" * (rules.cap - 1) + "…"
    assert first["length"] == 10_000
    assert first["text"] == second["text"]
    assert first["hash"] != second["hash"]
    assert first == describe("a" * 9999 + "b")[1]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (list(range(1000)), [*range(999), 0]),
        ({n: n for n in range(100)}, {n: -n for n in range(100)}),
        (b"a" * 100, b"a" * 99 + b"b"),
        (np.arange(1000), np.arange(1000) * 2),
        (pd.DataFrame({"a": range(100)}), pd.DataFrame({"a": [*range(99), 0]})),
    ],
    ids=lambda value: type(value).__name__,
)
def test_long_containers_that_differ_have_different_hashes(one: object, other: object) -> None:
    details = [describe(value)[1] or {} for value in (one, other)]
    assert details[0]["length"] == details[1]["length"]
    assert details[0]["hash"] != details[1]["hash"]


def test_a_recursive_value_ends() -> None:
    value: list[Any] = []
    value.append(value)
    assert text_of(value) == "[[[[<list>]]]]"


def test_a_tree_of_objects_ends_within_a_thousand_characters() -> None:
    def node(depth: int) -> object:
        return types.SimpleNamespace(children=[node(depth - 1) for _ in range(8)] if depth else [])

    text = text_of(node(4))
    assert text
    assert len(text) < 1500


def test_a_repr_is_called_only_on_request_and_a_hanging_one_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow:
        def __repr__(self) -> str:
            time.sleep(60)
            return "late"

    class Own:
        def __repr__(self) -> str:
            return "own"

    assert (text_of(Own()), text_of(Slow())) == ("Own()", "Slow()")
    monkeypatch.setattr(rules, "foreign_repr", True)
    assert (text_of(Own()), text_of(Slow())) == ("own", "<Slow: its repr takes too long>")
    assert text_of(Slow()) == "<Slow: its repr takes too long>"
    assert text_of(Alien()) == "<Alien: its repr raised RuntimeError>"


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.complex_numbers(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner) | st.frozensets(st.text())
    ),
    max_leaves=40,
)


@given(plain)
def test_plain_data_is_described_within_the_limit_and_can_be_marshalled(value: object) -> None:
    simple, more = describe(value)
    encode_value(simple, more)
    assert more is None or len(more["text"]) <= rules.cap
    assert more is None or more["type"] == type(value).__name__


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ('"my_password": "a b\\"c", x=1', '"my_password": [redacted], x=1'),
        ("api-key=hunter2; y", "api-key=[redacted]"),
        ("Authorization: Bearer abc.def", "Authorization: [redacted]"),
        ("postgres://user:hunter2@host/db", "postgres://user:[redacted]@host/db"),
        ("tokens=5 tokenizer: x", "tokens=5 tokenizer: x"),
        ("12:30 a=b", "12:30 a=b"),
    ],
)
def test_secrets_inside_texts_are_recognised_by_their_name(text: str, redacted: str) -> None:
    assert Redaction().scrubbed(text) == redacted
    assert Redaction(f"{DEFAULT_NAMES}|zz").scrubbed(text) == redacted


def test_own_patterns_replace_the_default_ones() -> None:
    own = Redaction("iban")
    assert own.hides("my_iban")
    assert not own.hides("password")
    assert own.scrubbed("iban=DE1 password=x") == "iban=[redacted] password=x"
    assert Redaction("").scrubbed("password=x") == "password=x"


@pytest.mark.parametrize(
    "text", ["a=" + "a" * 100_000, "token " * 20_000 + "=", "token" * 20_000 + ":", "x://" * 20_000]
)
def test_no_text_makes_the_search_for_secrets_quadratic(text: str) -> None:
    """Each of these took minutes when the search could start in the middle of a name."""
    assert len(Redaction().scrubbed(text[:8192])) <= 8192

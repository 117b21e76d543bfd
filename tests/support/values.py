"""Values that real programs record: of each kind, two functions that build two different values.

Of kinds in `INCOMPARABLE`, nothing says without running their code whether two values are equal.
"""

import array
import collections
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import functools
import ipaddress
import itertools
import pathlib
import re
import threading
import types
import uuid
import zoneinfo
from collections.abc import Callable
from typing import Any, Self

import numpy as np
import pandas as pd

from obs_core.capture.drain.row_builder import RowBuilder
from obs_core.capture.spool.frames import CallSite, encode_site, encode_value
from obs_core.capture.spool.header import WriterIdentity
from obs_core.capture.values.describe import describe
from obs_core.model import Row


class UserId(int): ...


class Price(float): ...


class Name(str): ...  # noqa: SLOT000 - with a __dict__


class Blob(bytes): ...


class Basket(list[Any]): ...


class Table(dict[str, Any]): ...


class Pair(tuple[Any, ...]): ...  # noqa: SLOT001 - with a __dict__


class Money(decimal.Decimal): ...


class Moment(dt.datetime): ...


class Samples(np.ndarray[Any, Any]): ...


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Mode(enum.StrEnum):
    A = "a"
    B = "b"


class Access(enum.Flag):
    READ = 1
    WRITE = 2


@dataclasses.dataclass
class Order:
    symbol: str
    amount: float


Point = collections.namedtuple("Point", "x y")  # noqa: PYI024 - the untyped kind


class Slotted:
    __slots__ = ("_hidden", "shown")

    def __init__(self, hidden: object) -> None:
        """Keep `hidden` in a private slot."""
        self.shown, self._hidden = 1, hidden


class Opaque:
    def __init__(self, hidden: object) -> None:
        """Keep `hidden` in a private field."""
        self._hidden = hidden

    def __repr__(self) -> str:
        """Refuse: capture must not ask."""
        raise RuntimeError("asked")


class Tagged(float):
    def __new__(cls, tag: str) -> Self:
        """Make a number 1.0 with a tag."""
        made = super().__new__(cls, 1.0)
        made.tag = tag
        return made

    tag: str


def same_name(module: str, base: type = object, *arguments: object, name: str = "Quote") -> Any:  # noqa: ANN401 - any type
    """A value of a class of the module `module`; those of other modules have the same name."""
    return type(name, (base,), {"__module__": module})(*arguments)


class Zone(dt.tzinfo):
    def __init__(self, hours: int) -> None:
        """A zone of the program, which must not be asked."""
        self.hours = hours

    def __repr__(self) -> str:
        """Refuse: capture must not ask."""
        raise RuntimeError("asked")


def big(**fields: object) -> types.SimpleNamespace:
    return types.SimpleNamespace(**{f"f{number}": "x" * 40 for number in range(60)}, **fields)


def nested(value: object, depth: int = 7) -> object:
    return value if not depth else {"a": [nested(value, depth - 1)]}


def holding(middle: float, length: int = 1000) -> "np.ndarray[Any, Any]":
    made = np.zeros(length)
    made[length // 2] = middle
    return made


Build = Callable[[], object]
COMPARABLE: dict[str, tuple[Build, Build]] = {
    "bool": (lambda: True, lambda: False),
    "int": (lambda: 1, lambda: 2),
    "int beyond 2^53": (lambda: 10**30, lambda: 10**30 + 1),
    "int of 20,000 bits": (lambda: 1 << 20_000, lambda: (1 << 20_000) + 1),
    "int of 20,000 bits in a list": (lambda: [1 << 20_000], lambda: [(1 << 20_000) + 1]),
    "float": (lambda: 1.0, lambda: 1.0000000000000002),
    "complex": (lambda: 1j, lambda: 2j),
    "str": (lambda: "a", lambda: "b"),
    "long str": (lambda: "x" * 600_000, lambda: "x" * 300_002 + "y" + "x" * 299_997),
    "bytes": (lambda: b"a", lambda: b"b"),
    "long bytes": (lambda: bytes(600_000), lambda: bytes(300_000) + b"x" + bytes(299_999)),
    "bytearray": (lambda: bytearray(100), lambda: bytearray(99) + b"x"),
    "memoryview": (lambda: memoryview(b"a"), lambda: memoryview(b"b")),
    "memoryview with steps": (lambda: memoryview(b"abcd")[::2], lambda: memoryview(b"abed")[::2]),
    "array.array": (lambda: array.array("i", [1]), lambda: array.array("i", [2])),
    "long array.array": (lambda: array.array("d", [0] * 999 + [1]), lambda: array.array("d", [0] * 1000)),
    "range": (lambda: range(1), lambda: range(2)),
    "slice": (lambda: slice(1), lambda: slice(2)),
    "list": (lambda: [1, "a"], lambda: [1, "b"]),
    "long list": (lambda: [0] * 2000, lambda: [0] * 1500 + [1] + [0] * 499),
    "long list of texts": (lambda: ["a"] * 200, lambda: ["a"] * 150 + ["b"] + ["a"] * 49),
    "list of a long text": (lambda: ["x" * 900], lambda: ["x" * 899 + "y"]),
    "list of lists": (lambda: [[0] * 30] * 30, lambda: [[0] * 30] * 29 + [[0] * 29 + [1]]),
    "list of objects": (lambda: [Order("X", 1.0)] * 40, lambda: [*[Order("X", 1.0)] * 39, Order("X", 2.0)]),
    "dict": (lambda: {"a": 1}, lambda: {"a": 2}),
    "long dict": (lambda: dict.fromkeys(range(99), 1), lambda: {**dict.fromkeys(range(98), 1), 98: 2}),
    "dict of other keys": (lambda: {(1, 2): 0}, lambda: {(1, 3): 0}),
    "tuple": (lambda: (1, (2,)), lambda: (1, (3,))),
    "set": (lambda: {"a", "b", "c"}, lambda: {"a", "b", "d"}),
    "long set": (lambda: set(range(100)), lambda: {*range(99), 200}),
    "frozenset": (lambda: frozenset({1, (2, 3)}), lambda: frozenset({1, (2, 4)})),
    "deep": (lambda: nested(1), lambda: nested(2)),
    "deque": (lambda: collections.deque([1]), lambda: collections.deque([2])),
    "Counter": (lambda: collections.Counter("aa"), lambda: collections.Counter("ab")),
    "defaultdict": (lambda: collections.defaultdict(int, a=1), lambda: collections.defaultdict(int, a=2)),
    "dict keys": ({"a": 1}.keys, {"b": 1}.keys),
    "SimpleNamespace": (lambda: types.SimpleNamespace(a=[1]), lambda: types.SimpleNamespace(a=[2])),
    "np.float64": (lambda: np.float64(1), lambda: np.float64(2)),
    "np.float32": (lambda: np.float32(1), lambda: np.float32(2)),
    "np.float64 in a dict": (lambda: {"a": np.float64(1)}, lambda: {"a": np.float64(2)}),
    "np.float32 in a list": (lambda: [np.float32(1)], lambda: [np.float32(2)]),
    "np.int64 in a tuple": (lambda: (np.int64(1),), lambda: (np.int64(2),)),
    "np.bool": (lambda: np.True_, lambda: np.False_),
    "np.str_": (lambda: np.str_("a"), lambda: np.str_("b")),
    "np.bytes_": (lambda: np.bytes_(b"a"), lambda: np.bytes_(b"b")),
    "np.datetime64": (lambda: np.datetime64(1, "ns"), lambda: np.datetime64(2, "ns")),
    "np.timedelta64 in a list": (lambda: [np.timedelta64(1, "s")], lambda: [np.timedelta64(1, "m")]),
    "array": (lambda: np.zeros(1000), lambda: holding(1)),
    "array of another type": (lambda: np.zeros(4, "i4"), lambda: np.zeros(4, "u4")),
    "array of another shape": (lambda: np.zeros((4, 2)), lambda: np.zeros((2, 4))),
    "0-d array": (lambda: np.array(1.5), lambda: np.array(2.5)),
    "matrix": (lambda: np.zeros((30, 30)), lambda: np.eye(30)),
    "array with strides": (lambda: np.zeros((400, 900))[:, ::3], lambda: holding(1, 360_000).reshape(400, 900)[:, ::3]),
    "Fortran order": (lambda: np.asfortranarray(np.eye(3)), lambda: np.asfortranarray(np.tri(3))),
    "array of times": (lambda: np.array([1, 2], "M8[s]"), lambda: np.array([1, 3], "M8[s]")),
    "structured array": (lambda: np.zeros(2, [("a", "i4")]), lambda: np.ones(2, [("a", "i4")])),
    "structured scalar": (lambda: np.zeros(2, [("a", "i4")])[0], lambda: np.ones(2, [("a", "i4")])[0]),
    "array of objects": (lambda: np.array([1, "a"], object), lambda: np.array([1, "b"], object)),
    "masked array": (lambda: np.ma.array([1, 2], mask=[False, True]), lambda: np.ma.array([1, 2], mask=[True, False])),
    "subclass of ndarray": (lambda: np.zeros(50).view(Samples), lambda: holding(1, 50).view(Samples)),
    "array in an object": (lambda: Order("X", np.zeros(9)), lambda: Order("X", np.ones(9))),  # type: ignore[arg-type]
    "Timestamp": (lambda: pd.Timestamp(1), lambda: pd.Timestamp(2)),
    "Timestamp in a list": (lambda: [pd.Timestamp(1)], lambda: [pd.Timestamp(2)]),
    "Timestamp with zone": (lambda: pd.Timestamp(1, tz="UTC"), lambda: pd.Timestamp(1, tz="Europe/Berlin")),
    "Timedelta": (lambda: pd.Timedelta(1), lambda: pd.Timedelta(2)),
    "Period": (lambda: pd.Period("2020-01"), lambda: pd.Period("2020-02")),
    "Interval": (lambda: pd.Interval(0, 1), lambda: pd.Interval(0, 2)),
    "NaT and NA": (lambda: [pd.NaT], lambda: [pd.NA]),
    "Series": (lambda: pd.Series([1, 2] * 50), lambda: pd.Series([1, 2] * 49 + [1, 3])),
    "Series of texts": (lambda: pd.Series(["a", "b"]), lambda: pd.Series(["a", "c"])),
    "Series with another index": (lambda: pd.Series([1], [1]), lambda: pd.Series([1], [2])),
    "Series of nullable": (lambda: pd.Series([1, None], dtype="Int64"), lambda: pd.Series([1, 2], dtype="Int64")),
    "DataFrame": (lambda: pd.DataFrame({"a": range(99)}), lambda: pd.DataFrame({"a": [*range(98), 0]})),
    "DataFrame of objects": (lambda: pd.DataFrame({"a": [1, "x"]}), lambda: pd.DataFrame({"a": [1, "y"]})),
    "DataFrame of times": (
        lambda: pd.DataFrame({"t": pd.to_datetime([1, 2], utc=True)}),
        lambda: pd.DataFrame({"t": pd.to_datetime([1, 3], utc=True)}),
    ),
    "Index": (lambda: pd.Index([1]), lambda: pd.Index([2])),
    "MultiIndex": (
        lambda: pd.MultiIndex.from_tuples([(1, 2), (3, 4)]),
        lambda: pd.MultiIndex.from_tuples([(1, 2), (3, 5)]),
    ),
    "Categorical": (lambda: pd.Categorical(["a", "b"]), lambda: pd.Categorical(["a", "a"], ["a", "b"])),
    "Decimal": (lambda: decimal.Decimal("1.1"), lambda: decimal.Decimal("1.2")),
    "Fraction": (lambda: fractions.Fraction(1, 2), lambda: fractions.Fraction(1, 3)),
    "datetime": (lambda: dt.datetime(2020, 1, 1), lambda: dt.datetime(2020, 1, 2)),  # noqa: DTZ001
    "datetime in a zone of the program": (
        lambda: dt.datetime(2020, 1, 1, tzinfo=Zone(1)),  # type: ignore[abstract]
        lambda: dt.datetime(2020, 1, 1, tzinfo=Zone(2)),  # type: ignore[abstract]
    ),
    "date": (lambda: dt.date(2020, 1, 1), lambda: dt.date(2020, 1, 2)),
    "timedelta": (lambda: dt.timedelta(1), lambda: dt.timedelta(2)),
    "zoneinfo": (lambda: zoneinfo.ZoneInfo("UTC"), lambda: zoneinfo.ZoneInfo("Europe/Berlin")),
    "UUID": (lambda: uuid.UUID(int=1), lambda: uuid.UUID(int=2)),
    "Path": (lambda: pathlib.Path("/a"), lambda: pathlib.Path("/b")),
    "IP address": (lambda: ipaddress.ip_address("::1"), lambda: ipaddress.ip_address("::2")),
    "Enum": (lambda: Colour.RED, lambda: Colour.BLUE),
    "IntEnum in a list": (lambda: [Level.LOW], lambda: [Level.HIGH]),
    "StrEnum": (lambda: Mode.A, lambda: Mode.B),
    "Flag": (lambda: Access.READ, lambda: Access.READ | Access.WRITE),
    "no Flag": (lambda: Access(0), lambda: Access.READ),
    "subclass of int": (lambda: UserId(1), lambda: UserId(2)),
    "subclass of float": (lambda: Price(1), lambda: Price(2)),
    "subclass of float in a list": (lambda: [Price(1)], lambda: [Price(2)]),
    "subclass of str": (lambda: Name("a"), lambda: Name("b")),
    "subclass of bytes": (lambda: Blob(b"a"), lambda: Blob(b"b")),
    "subclass of list": (lambda: Basket([1]), lambda: Basket([2])),
    "subclass of dict": (lambda: Table(a=1), lambda: Table(a=2)),
    "subclass of tuple": (lambda: Pair([1]), lambda: Pair([2])),
    "subclass of Decimal": (lambda: Money("1"), lambda: Money("2")),
    "subclass of datetime": (lambda: Moment(2020, 1, 1), lambda: Moment(2020, 1, 2)),
    "number with a field": (lambda: Tagged("a"), lambda: Tagged("b")),
    "dataclass": (lambda: Order("X", 1.0), lambda: Order("X", 2.0)),
    "namedtuple": (lambda: Point(1, 2), lambda: Point(1, 3)),
    "object of private slots": (lambda: Slotted(1), lambda: Slotted(2)),
    "object of private fields": (lambda: Opaque("a"), lambda: Opaque("b")),
    "object of many fields": (lambda: big(last=1), lambda: big(last=2)),
    "exception": (lambda: ValueError("a"), lambda: ValueError("b")),
    "class of another module": (lambda: same_name("shop"), lambda: same_name("bank")),
    "class of another module in a list": (lambda: [1, same_name("shop")], lambda: [1, same_name("bank")]),
    "class of another module in a set": (
        lambda: {same_name("shop", int, 1), same_name("bank", int, 2)},
        lambda: {same_name("bank", int, 1), same_name("shop", int, 2)},
    ),
    "class of another module in a long list": (
        lambda: [*range(30), same_name("shop", int, 1)],
        lambda: [*range(30), same_name("bank", int, 1)],
    ),
    "text of another module": (lambda: same_name("shop", str, "a"), lambda: same_name("bank", str, "a")),
    "number of another module": (
        lambda: same_name("shop", float, 1.0, name="FloatQuote"),
        lambda: same_name("bank", float, 1.0, name="FloatQuote"),
    ),
    "exception of another module": (
        lambda: same_name("shop", ValueError, "a"),
        lambda: same_name("bank", ValueError, "a"),
    ),
    "enum of another module": (
        lambda: enum.Enum("Side", "BUY", module="shop").BUY,  # type: ignore[attr-defined]
        lambda: enum.Enum("Side", "BUY", module="bank").BUY,  # type: ignore[attr-defined]
    ),
    "a name of a built-in type": (lambda: same_name("shop", int, 1, name="int"), lambda: 1),
    "OSError": (lambda: OSError(2, "no", "a"), lambda: OSError(2, "no", "b")),
}


def tree(depth: int, leaf: int) -> object:
    return types.SimpleNamespace(children=[tree(depth - 1, leaf) for _ in range(8)] if depth else [leaf])


INCOMPARABLE: dict[str, tuple[Build, Build]] = {
    "generator": (lambda: (x for x in [1]), lambda: (x for x in [2])),
    "iterator": (lambda: iter([1]), lambda: iter([2])),
    "itertools": (lambda: itertools.count(1), lambda: itertools.count(2)),
    "function": (lambda: tree, lambda: nested),
    "built-in function": (lambda: len, lambda: print),
    "method": (lambda: [1].append, lambda: [2].append),
    "partial": (lambda: functools.partial(print, 1), lambda: functools.partial(print, 2)),
    "class": (lambda: int, lambda: str),
    "module": (lambda: re, lambda: uuid),
    "object": (object, object),
    "match": (lambda: re.match("a", "a"), lambda: re.match("b", "b")),
    "lock": (threading.Lock, threading.Lock),
    "object with a lock": (lambda: Opaque(threading.Lock()), lambda: Opaque(threading.Lock())),
    "list of iterators": (lambda: [iter([1])], lambda: [iter([2])]),
    "large array": (lambda: np.zeros(3 << 20), lambda: holding(1, 3 << 20)),
    "large text": (lambda: "x" * (17 << 20), lambda: "y" * (17 << 20)),
    "large bytes": (lambda: bytes(17 << 20), lambda: bytearray(17 << 20)),
    "tree of objects": (lambda: tree(4, 1), lambda: tree(4, 2)),
    "secret": (lambda: {"password": "a"}, lambda: {"password": "b"}),
    "secret in a text": (lambda: "password=a", lambda: "password=b"),
}


def row_of(value: object, variable: str = "v", timestamp_ns: int = 0) -> Row:
    """The row of a reading, as the drain makes it from the frame of `record`."""
    flag, encoded = encode_value(*describe(value))
    site_key = encode_site(CallSite("value", variable, None, None, None))
    writer = WriterIdentity("p", "p", "h", None, None, "", "log")
    builder = RowBuilder(writer, lambda _: site_key, lambda _: None)
    return Row._make(builder.rows([(1 | flag, 0, 0, 0, 0, timestamp_ns, -1, encoded)])[0])

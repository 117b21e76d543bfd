"""Descriptions of values that are not plain data: fast, bounded, and without importing the libraries they come from."""

import sys
from collections import deque
from collections.abc import Iterable
from itertools import islice
from marshal import dumps
from types import MemberDescriptorType
from typing import Any, Final

from obs_core.capture.values.limits import HASHED_IN_FULL, PIECE, cut, digest, rules, text_hash
from obs_core.capture.values.redact import REDACTED
from obs_core.capture.values.repr_timeout import repr_with_timeout

_ENTRIES: Final = 24  # shown entries of a container
_DEPTH: Final = 4
_LONGEST_PART: Final = 500
_OBJECT_CHARACTERS: Final = 1000  # of an object and what it refers to; with 8,000 a parser took 16 s instead of 10
_STATE_COST: Final = 100  # of the budget: reading the fields of an object takes as long as some 100 characters
_NAME_COST: Final = 8  # of the budget: the name of a field, roughly
_SCALARS: Final = frozenset({int, float, bool, type(None), complex, str, bytes, bytearray})
_NUMBERS: Final = frozenset({int, float, bool, type(None)})
_ARRAYS: Final = frozenset({"numpy", "pandas", "polars", "pyarrow", "xarray", "torch", "jax", "cupy"})
_HARMLESS: Final = frozenset({"datetime", "decimal", "fractions", "uuid", "pathlib", "ipaddress", "zoneinfo", "array"})
_BRACKETS: Final[dict[type, tuple[str, str]]] = {
    list: ("[", "]"),
    tuple: ("(", ")"),
    set: ("{", "}"),
    frozenset: ("frozenset({", "})"),
    deque: ("deque([", "])"),
}
_CONTAINERS: Final = (dict, *_BRACKETS)


class Budget:
    """The number of characters that the text of one value may still take; below zero it ends after the current part."""

    __slots__ = ("left",)

    def __init__(self, characters: int) -> None:
        """Start with `characters`."""
        self.left = characters

    def spend(self, characters: int) -> None:
        """Use up `characters`."""
        self.left -= characters


def description(value: object) -> dict[str, Any]:
    """The type and text of `value`, with length and hash if the text is incomplete. Never raises."""
    kind = type(value)
    if kind is bytes or kind is bytearray:
        return _of_bytes(value)  # type: ignore[arg-type]
    if kind is str:
        return {"type": "str", **cut(str(value))}
    try:
        array = _array(value) if kind.__module__.partition(".")[0] in _ARRAYS else None
        if array is not None:
            return {"type": kind.__name__, **array}
        text = _text(value, 0, Budget(2 * rules.cap if _container(value) else _OBJECT_CHARACTERS))
    except Exception as error:  # noqa: BLE001 - foreign code may raise anything, and the program must not notice
        text = f"<{kind.__name__}: not described, {type(error).__name__}>"
    return {"type": kind.__name__, **cut(text), **_size(value)}


def _of_bytes(value: bytes | bytearray) -> dict[str, Any]:
    shown = repr(bytes(value[:64]))
    details: dict[str, Any] = {"type": type(value).__name__, "text": rules.redaction.scrubbed(shown)}
    if len(value) > 64:  # noqa: PLR2004 - as shown
        sample = bytes(value[:HASHED_IN_FULL]) + bytes(value[-PIECE:])
        details |= {"text": f"{shown}… ({len(value):,} bytes)", "length": len(value), "hash": digest(sample)}
    return details


def _array(value: Any) -> dict[str, Any] | None:  # noqa: ANN401 - any value
    """A summary of a numpy array, a pandas or polars frame or series, by their common attributes; else None."""
    kind = type(value)
    shape = getattr(kind, "shape", None) is not None and value.shape
    if not isinstance(shape, tuple):
        return None
    if hasattr(kind, "columns"):  # a data frame
        columns = [str(name) for name in islice(value.columns, _ENTRIES)]
        more = ", …" if shape[1] > len(columns) else ""
        text = f"{kind.__name__} {shape[0]:,} rows x {shape[1]:,} columns ({', '.join(columns)}{more})"
        return {"text": rules.redaction.scrubbed(text[: rules.cap]), "length": shape[0], "hash": digest(_edges(value))}
    if hasattr(kind, "dtype"):
        size = " x ".join(f"{length:,}" for length in shape)
        text = f"{kind.__name__} {size or 'scalar'} {value.dtype}"
        if not shape:
            return {"text": f"{value!s}"[: rules.cap]}
        return {"text": text, "length": shape[0], "hash": digest(_edges(value))}
    return None


def _edges(value: Any) -> bytes:  # noqa: ANN401 - an array or frame
    """The first and last 25 entries as text: a cheap way to detect that two values differ."""
    flat = value.ravel() if hasattr(type(value), "ravel") and hasattr(type(value), "strides") else value
    length = len(flat)
    texts = (repr_with_timeout(lambda: str(flat[:25])), repr_with_timeout(lambda: str(flat[max(length - 25, 0) :])))
    return "".join(texts).encode("utf-8", "surrogatepass")


def _size(value: Any) -> dict[str, Any]:  # noqa: ANN401 - any value
    """The length of a container with more entries than its text shows, and a hash of a sample."""
    base = _container(value)
    if base is None or base.__len__(value) <= _ENTRIES:
        return {}
    length = base.__len__(value)
    parts = list(islice(dict.items(value) if base is dict else base.__iter__(value), 1000))
    if set(map(type, parts)) <= _NUMBERS:  # 30 us for a thousand; as text they take 2 ms
        return {"length": length, "hash": digest(dumps((length, parts), 2))}
    budget = Budget(HASHED_IN_FULL)
    text = "".join(_text(part, _DEPTH - 1, budget) for part in parts[:100])
    return {"length": length, "hash": text_hash(f"{length}\0{text}")}


def _container(value: Any) -> Any:  # noqa: ANN401 - the built-in base type of `value`, for its own methods
    if isinstance(value, _CONTAINERS):
        for base in _CONTAINERS:
            if isinstance(value, base):
                return base
    return None


def _text(value: Any, depth: int, budget: Budget) -> str:  # noqa: ANN401 - any value
    """`value` as text; `budget` limits it, so that a large tree of objects ends early."""
    kind = type(value)
    if kind in _SCALARS:
        text = _scalar(value, kind)
        budget.spend(len(text))
        return text
    if depth >= _DEPTH:
        return f"<{kind.__name__}>"
    base = _container(value)
    if base is dict:
        pairs = (
            f"{_text(key, depth + 1, budget)}: {_field(key, item, depth, budget)}" for key, item in dict.items(value)
        )
        return "{" + _joined(pairs, dict.__len__(value), budget) + "}"
    if base is not None and not hasattr(kind, "_fields"):
        start, end = _BRACKETS[base]
        length = base.__len__(value)
        parts = (_text(item, depth + 1, budget) for item in base.__iter__(value))
        return start + _joined(parts, length, budget) + (",)" if base is tuple and length == 1 else end)
    return _object(value, kind, depth, budget)


def _object(value: Any, kind: type, depth: int, budget: Budget) -> str:  # noqa: ANN401 - any value
    if kind.__module__ in _HARMLESS or kind is range or (rules.foreign_repr and kind.__module__ != "builtins"):
        return repr_with_timeout(lambda: repr(value), kind)
    enum = sys.modules.get("enum")
    if enum is not None and isinstance(value, enum.Enum):
        return f"{kind.__name__}.{object.__getattribute__(value, '_name_')}"
    fields = _state(value)
    if not fields and kind.__module__ == "builtins":
        return f"<{kind.__name__}>"
    budget.spend(_STATE_COST)
    parts = (f"{name}={_field(name, item, depth, budget)}" for name, item in fields.items())
    return f"{kind.__name__}({_joined(parts, len(fields), budget)})"


def _scalar(value: Any, kind: type) -> str:  # noqa: ANN401 - one of the scalars
    if kind is int and value.bit_length() > 10_000:  # noqa: PLR2004 - Python refuses 4,300 digits and more
        return f"<int of {value.bit_length():,} bits>"
    if kind in (str, bytes, bytearray) and len(value) > _LONGEST_PART:
        return repr(value[:_LONGEST_PART])[:-1] + "…'"
    return repr(value)


def _state(value: Any) -> dict[str, Any]:  # noqa: ANN401 - any value
    """The fields of an object, read without running code of its class: no `__repr__`, property or `__getattr__`.

    A foreign `__repr__` may read a database, or be traced itself; calling it changed the behaviour of programs.
    """
    kind = type(value)
    if isinstance(value, tuple):  # a named tuple
        return dict(zip(getattr(kind, "_fields", ()), tuple.__iter__(value), strict=False))
    fields: dict[str, Any] = {}
    for base in kind.__mro__:
        for name, member in base.__dict__.items():
            if type(member) is MemberDescriptorType and not name.startswith("_"):
                try:
                    fields[name] = member.__get__(value)
                except AttributeError:
                    continue  # an empty slot
    try:
        own = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return fields
    return fields | {name: item for name, item in own.items() if isinstance(name, str) and not name.startswith("_")}


def _joined(parts: Iterable[str], count: int, budget: Budget) -> str:
    shown: list[str] = []
    for part in parts:
        shown.append(part)
        if len(shown) == _ENTRIES or budget.left < 0:
            break
    left = count - len(shown)
    return ", ".join(shown) + (f", … {left:,} more" if left > 0 else "")


def _field(name: object, value: object, depth: int, budget: Budget) -> str:
    budget.spend(_NAME_COST)
    return REDACTED if rules.redaction.hides(name) else _text(value, depth + 1, budget)

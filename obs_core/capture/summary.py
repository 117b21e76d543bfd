"""Descriptions of values that are no plain data: cheap, bounded, and without importing the libraries they come from."""

import hashlib
from collections.abc import Iterable
from itertools import islice
from typing import Any, Final

from obs_core.capture.describe import cut, rules
from obs_core.capture.patience import patiently
from obs_core.capture.redact import REDACTED

_WHOLE: Final = 256 * 1024  # characters hashed in full; of a longer text 64 pieces are, within 1 ms
_PIECE: Final = 4096
_ENTRIES: Final = 24  # of a container that are shown
_DEPTH: Final = 4
_LONGEST_PART: Final = 500
_SCALARS: Final = frozenset({int, float, bool, type(None), complex, str, bytes, bytearray})
_BRACKETS: Final[dict[type, tuple[str, str]]] = {
    list: ("[", "]"),
    tuple: ("(", ")"),
    set: ("{", "}"),
    frozenset: ("frozenset({", "})"),
}


def description(value: object) -> dict[str, Any]:
    """The type and text of `value`; with length and hash where the text is not all of it. Never raises."""
    kind = type(value)
    if kind is bytes or kind is bytearray:
        return _of_bytes(value)  # type: ignore[arg-type]
    if kind is str:
        return {"type": "str", **cut(str(value))}
    try:
        array = _array(value)
        if array is not None:
            return {"type": kind.__name__, **array}
        text = _text(value, 0)
    except Exception as error:  # noqa: BLE001 - foreign code may raise anything, and the program must not notice
        text = f"<{kind.__name__}: not described, {type(error).__name__}>"
    return {"type": kind.__name__, **cut(text), **_size(value)}


def text_hash(text: str) -> str:
    """SHA-256 (first 32 digits) of `text`; of one beyond 256 Ki characters, of its length and 64 pieces of it."""
    if len(text) > _WHOLE:
        step = len(text) // 64
        pieces = (text[start : start + _PIECE] for start in islice(range(0, len(text), step), 64))
        text = f"{len(text)}\0{text[-_PIECE:]}{''.join(pieces)}"
    return _digest(text.encode("utf-8", "surrogatepass"))


def _digest(data: bytes | memoryview) -> str:
    return hashlib.sha256(data).hexdigest()[:32]


def _of_bytes(value: bytes | bytearray) -> dict[str, Any]:
    shown = repr(bytes(value[:64]))
    facts: dict[str, Any] = {"type": type(value).__name__, "text": rules.redaction.scrubbed(shown)}
    if len(value) > 64:  # noqa: PLR2004 - as shown
        sample = bytes(value[:_WHOLE]) + bytes(value[-_PIECE:])
        facts |= {"text": f"{shown}… ({len(value):,} bytes)", "length": len(value), "hash": _digest(sample)}
    return facts


def _array(value: Any) -> dict[str, Any] | None:  # noqa: ANN401 - any value
    """A summary of a numpy array, a pandas or polars frame or series, by the attributes they share; else None."""
    kind = type(value)
    shape = getattr(kind, "shape", None) is not None and value.shape
    if not isinstance(shape, tuple):
        return None
    if hasattr(kind, "columns"):  # a data frame
        columns = [str(name) for name in islice(value.columns, _ENTRIES)]
        more = ", …" if shape[1] > len(columns) else ""
        text = f"{kind.__name__} {shape[0]:,} rows x {shape[1]:,} columns ({', '.join(columns)}{more})"
        return {"text": rules.redaction.scrubbed(text[: rules.cap]), "length": shape[0], "hash": _digest(_edges(value))}
    if hasattr(kind, "dtype"):
        size = " x ".join(f"{length:,}" for length in shape)
        text = f"{kind.__name__} {size or 'scalar'} {value.dtype}"
        if not shape:
            return {"text": f"{value!s}"[: rules.cap]}
        return {"text": text, "length": shape[0], "hash": _digest(_edges(value))}
    return None


def _edges(value: Any) -> bytes:  # noqa: ANN401 - an array or frame
    """Up to 50 of the first and last entries as text: enough to see whether two readings differ, for little."""
    flat = value.ravel() if hasattr(type(value), "ravel") and hasattr(type(value), "strides") else value
    length = len(flat)
    texts = (patiently(lambda: str(flat[:25])), patiently(lambda: str(flat[max(length - 25, 0) :])))
    return "".join(texts).encode("utf-8", "surrogatepass")


def _size(value: Any) -> dict[str, Any]:  # noqa: ANN401 - any value
    """How many entries a container has whose text shows only some of them, with a hash of a sample."""
    if (type(value) not in _BRACKETS and not isinstance(value, dict)) or len(value) <= _ENTRIES:
        return {}
    parts = islice(value.items() if isinstance(value, dict) else value, 1000)
    text = "".join(_text(part, _DEPTH - 1) for part in parts)
    return {"length": len(value), "hash": text_hash(f"{len(value)}\0{text}")}


def _text(value: Any, depth: int) -> str:  # noqa: ANN401, PLR0911 - any value; one return for each kind
    kind = type(value)
    if kind in _SCALARS:
        if kind is int and value.bit_length() > 10_000:  # noqa: PLR2004 - Python refuses 4,300 digits and more
            return f"<int of {value.bit_length():,} bits>"
        long = kind in (str, bytes, bytearray) and len(value) > _LONGEST_PART
        return repr(value[:_LONGEST_PART])[:-1] + "…'" if long else repr(value)
    if depth >= _DEPTH:
        return f"<{kind.__name__}>"
    if isinstance(value, dict):
        pairs = ((key, item) for key, item in islice(value.items(), _ENTRIES))
        return "{" + _joined((_pair(_text(k, depth + 1), k, v, ": ", depth) for k, v in pairs), len(value)) + "}"
    if kind in _BRACKETS:
        start, end = _BRACKETS[kind]
        if kind is tuple and len(value) == 1:
            end = ",)"
        return start + _joined((_text(item, depth + 1) for item in islice(value, _ENTRIES)), len(value)) + end
    fields = _fields(value)
    if fields is not None:
        names = list(islice(fields, _ENTRIES))
        parts = (_pair(name, name, getattr(value, name, None), "=", depth) for name in names)
        return f"{kind.__name__}({_joined(parts, len(fields))})"
    return _own_repr(value)


def _joined(parts: Iterable[str], count: int) -> str:
    return ", ".join(parts) + (f", … {count - _ENTRIES:,} more" if count > _ENTRIES else "")


def _pair(shown: str, name: object, value: object, between: str, depth: int) -> str:
    hidden = rules.redaction.hides(name)
    return f"{shown}{between}{REDACTED if hidden else _text(value, depth + 1)}"


def _fields(value: Any) -> list[str] | None:  # noqa: ANN401 - any value
    """The field names of a dataclass, pydantic model, attrs class or named tuple."""
    kind = type(value)
    for marker in ("__dataclass_fields__", "model_fields", "__pydantic_fields__", "_fields", "__attrs_attrs__"):
        found = getattr(kind, marker, None)
        if isinstance(found, dict):
            return [name for name in found if isinstance(name, str)]
        if isinstance(found, tuple):
            return [str(getattr(field, "name", field)) for field in found]
    return None


def _own_repr(value: object) -> str:
    """What the object says of itself, if it says so in time."""
    return patiently(lambda: repr(value), type(value))

"""OTLP's values in JSON: an AnyValue, and lists of keys and values, as plain data.

Source: opentelemetry-proto, common.proto; protobuf.dev, "ProtoJSON Format".
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from obs_core.ingest.formats.rows import to_int
from obs_core.text import finite

_LEVELS: Final = 100  # of lists and maps in a value; more would exceed Python's recursion limit somewhere
_NESTED: Final = {"arrayValue": "array", "kvlistValue": "kvlist"}


def attributes_of(pairs: object, level: int = 0) -> dict[str, Any]:
    """OTLP's list of keys and values as a dict of plain values."""
    if not pairs:
        return {}
    return {str(pair.get("key")): value_of(pair.get("value"), level)[1] for pair in list_of(pairs)}


def value_of(any_value: object, level: int = 0) -> tuple[str | None, Any]:
    """The kind and the plain value of an OTLP AnyValue; (None, None) where it has none.

    Lists and maps inside `_LEVELS` others are replaced by a text that says so.
    """
    if isinstance(any_value, dict):
        for name, inner in any_value.items():
            if name == "stringValue":
                return "string", inner
            if name in _VALUE_KINDS:
                kind, plain = _VALUE_KINDS[name]
                return kind, plain(inner)
            if name in _NESTED:
                return _NESTED[name], _nested(name, inner, level + 1)
    return None, None


def _whole(inner: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
    number = to_int(inner)
    return inner if number is None else number


def double_of(inner: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
    """A number, or the name of one that JSON has not; what is neither stays as it is."""
    try:
        return finite(float(inner))
    except (TypeError, ValueError, OverflowError):
        return inner


def _nested(name: str, inner: object, level: int) -> Any:  # noqa: ANN401 - a list, a map or a text
    if level > _LEVELS:
        return f"nested deeper than {_LEVELS} levels"
    parts = dict_of(inner).get("values")
    return (
        attributes_of(parts, level) if name == "kvlistValue" else [value_of(part, level)[1] for part in list_of(parts)]
    )


def _same(inner: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
    return inner


_VALUE_KINDS: Final[Mapping[str, tuple[str, Callable[[Any], Any]]]] = {
    "boolValue": ("bool", _same),
    "intValue": ("int", _whole),
    "doubleValue": ("double", double_of),
    "bytesValue": ("bytes", _same),
}


def list_of(value: object) -> Sequence[dict[str, Any]]:
    """The objects of a list; none if it is not a list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else ()


def dict_of(value: object) -> Mapping[str, Any]:
    """An object; an empty one if it is not an object."""
    return value if isinstance(value, dict) else {}

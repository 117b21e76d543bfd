"""Reads the log's column `attributes`: JSON with the parts attributes, events, links and scope.

The log may come from another program, so any other content is shown as well.
"""

import json
from typing import Any, Final

from obs_core.text import clean

NOT_JSON: Final = "(not JSON)"
_KINDS: Final = {bool: "bool", int: "int", float: "double", str: "string", list: "array", dict: "kvlist"}


def parts(text: object) -> dict[str, Any]:
    """The parts by name. Text that is not JSON becomes one attribute; JSON that is not an object has no parts."""
    if not isinstance(text, str) or not text:
        return {}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {"attributes": {NOT_JSON: text}}
    return value if isinstance(value, dict) else {}


def items(part: object) -> list[tuple[str, object]]:
    """The names and values of a part; items of a list are numbered from 1, any other value has an empty name.

    Lone surrogates, which JSON can contain and nothing can display, are removed from names.
    """
    if isinstance(part, dict):
        return [(clean(name), value) for name, value in part.items()]
    if isinstance(part, list):
        return [(str(number), value) for number, value in enumerate(part, 1)]
    return [("", part)]


def named(text: object) -> dict[str, object]:
    """The attributes by name; none if they are malformed."""
    attributes = parts(text).get("attributes")
    return attributes if isinstance(attributes, dict) else {}


def as_text(value: object) -> str:
    """A value as text: a string as it is, anything else as JSON; without lone surrogates."""
    return clean(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def kind(value: object) -> str:
    """The type of a value by OpenTelemetry's name (`AnyValue`, opentelemetry/proto/common/v1); empty for null."""
    return _KINDS.get(type(value), "")

"""What the log's column `attributes` holds: JSON with the parts attributes, events, links and scope.

Whatever it holds instead is told, too: it may come from another program.
"""

import json
from typing import Any, Final

from obs_core.text import clean

NOT_JSON: Final = "(not JSON)"
_KINDS: Final = {bool: "bool", int: "int", float: "double", str: "string", list: "array", dict: "kvlist"}


def parts(text: object) -> dict[str, Any]:
    """The parts by their names; what is no JSON is an attribute that holds it whole, other JSON has no parts."""
    if not isinstance(text, str) or not text:
        return {}
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {"attributes": {NOT_JSON: text}}
    return found if isinstance(found, dict) else {}


def items(part: object) -> list[tuple[str, object]]:
    """The names and values of a part; those of a list are numbered from 1, anything else has no name.

    Names are clean of half characters, which JSON can spell and nothing can show.
    """
    if isinstance(part, dict):
        return [(clean(name), value) for name, value in part.items()]
    if isinstance(part, list):
        return [(str(place), value) for place, value in enumerate(part, 1)]
    return [("", part)]


def named(text: object) -> dict[str, object]:
    """The attributes by their names; none where they are not as they should be."""
    found = parts(text).get("attributes")
    return found if isinstance(found, dict) else {}


def worded(value: object) -> str:
    """A value as text: what it is, or its JSON; without half characters."""
    return clean(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def kind(value: object) -> str:
    """The kind of a value, as OpenTelemetry names it (`AnyValue`, opentelemetry/proto/common/v1); null has none."""
    return _KINDS.get(type(value), "")

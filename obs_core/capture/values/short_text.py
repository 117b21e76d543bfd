"""The text of an object or container in short: plain fields, and the types of all others; 3 us instead of 60.

If there is no time for that either, the text is the type, and for a container its length.
"""

from typing import Any, Final

from obs_core.capture.context import RECORDING, current
from obs_core.capture.values.allowance import allowance, named, short_allowance
from obs_core.capture.values.limits import rules
from obs_core.capture.values.redact import REDACTED, may_contain
from obs_core.capture.values.type_info import VIEWS, TypeInfo, record_names, type_info
from obs_core.capture.values.value_text import hides_labelled
from obs_core.system import perf_counter_ns

_MOST: Final = 8
_MOST_TYPES: Final = 5000
_CHARACTERS: Final = 60
_SCRUBBED: Final = _CHARACTERS + 256  # so that no half of a secret stays at the cut
_LARGEST: Final = 1 << 64
_DEEP: Final = frozenset({"object", "container", "record"})
_PLAIN: Final = frozenset({float, bool, type(None)})


def short_description(value: Any) -> dict[str, Any] | None:  # noqa: ANN401 - any result
    """The type and text of an object or container in short, redacted; None if it may be described in full.

    No code of the program runs.
    """
    info = type_info(type(value))
    if info.group not in _DEEP or rules.foreign_repr:
        return None
    began = perf_counter_ns()
    if allowance.is_left(began):
        return None
    if not short_allowance.is_left(began):
        return _type_alone(value, info)
    text = _container(value, info) if info.group == "container" else _object(value, info)
    now = perf_counter_ns()
    short_allowance.spend(now - began, now)
    return {"type": info.name, "text": text}


def _type_alone(value: Any, info: TypeInfo) -> dict[str, Any]:  # noqa: ANN401 - any object or container
    if info.group == "container":
        return {"type": info.name, "text": _length(info, value)}
    details = {"type": info.name, "text": f"<{info.name}>"}
    if len(named) < _MOST_TYPES:
        named[id(type(value))] = type(value), details
    return details


def _object(value: Any, info: TypeInfo) -> str:  # noqa: ANN401 - any object
    if info.group == "record":
        fields = dict(zip(record_names(type(value)), tuple.__iter__(value), strict=False))
    else:
        own = info.dict_of and info.dict_of.__get__(value)
        fields = own if own is not None and not info.public else _with_slots(value, info, own)
    return f"{info.name}({_fields(fields)})"


def _length(info: TypeInfo, value: Any) -> str:  # noqa: ANN401 - any container
    length = len(value) if info.base in VIEWS else info.base.__len__(value)
    return f"<{info.name} of {length:,}>"


def _fields(fields: dict[Any, Any]) -> str:
    hides, harmless = rules.redaction.hides, rules.redaction.harmless
    parts: list[str] = []
    for name, item in dict.items(fields):
        if type(name) is not str or name[:1] == "_":
            continue
        if len(parts) == _MOST:
            parts.append("…")
            break
        if (name not in harmless and hides(name)) or (name == "value" and hides_labelled(fields)):
            parts.append(f"{name}={REDACTED}")
        else:
            parts.append(f"{name}={_part(item)}")
    return ", ".join(parts)


def _container(value: Any, info: TypeInfo) -> str:  # noqa: ANN401 - any container
    base = info.base
    if (base is not list and base is not tuple) or base.__len__(value) > _MOST:
        return _length(info, value)
    length = base.__len__(value)
    start, end = "[]" if base is list else ("(", ",)" if length == 1 else ")")
    hidden = False
    parts: list[str] = []
    for item in base.__iter__(value):
        parts.append(REDACTED if hidden else _part(item))
        hidden = type(item) not in _PLAIN and rules.redaction.hides_after(item, length)
    return f"{start}{', '.join(parts)}{end}"


def _part(item: Any) -> str:  # noqa: ANN401 - any value
    kind = type(item)
    if kind in _PLAIN or (kind is int and -_LARGEST < item < _LARGEST):
        return repr(item)
    if kind is not str:
        return f"<{type_info(kind).name}>"
    if not item.isalnum() and may_contain(item):
        item = _scrubbed(item[:_SCRUBBED])
    return repr(item) if len(item) <= _CHARACTERS else f"{item[:_CHARACTERS]!r}…"


def _with_slots(value: Any, info: TypeInfo, own: dict[str, Any] | None) -> dict[str, Any]:  # noqa: ANN401 - any object
    fields: dict[str, Any] = {}
    for name, slot in info.public[: _MOST + 1]:
        try:
            fields[name] = slot.__get__(value)
        except AttributeError:
            continue  # an empty slot
    return fields | own if own else fields


def _scrubbed(text: str) -> str:
    token = current.set(RECORDING)  # traced functions that this calls (of `re`) are not the program's calls
    try:
        return rules.redaction.scrubbed(text)
    finally:
        current.reset(token)

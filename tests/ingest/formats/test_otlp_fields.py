"""Every field of OTLP's messages changes the rows, or docs/otlp.md names it as not stored.

One request of each signal has every field that opentelemetry-proto declares. A field is stored if another content of it
gives other rows: a hash in an id does not count. The fields come from the descriptors, so a new one fails here.
"""

import base64
import copy
import json
import re
from collections.abc import Collection, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

import pytest
from google.protobuf import json_format

from obs_core.ingest.formats import otlp_json
from obs_core.ingest.formats.protobuf import messages
from obs_core.ingest.formats.rows import Refused
from obs_core.model import Row

PACKAGE: Final = re.compile(r"opentelemetry\.proto\.(?:\w+\.)+v1\.")
DOCUMENT: Final = Path("docs/otlp.md")
T: Final = 1_700_000_000_000_000_000
INTEGERS: Final = {"int32", "int64", "uint32", "uint64", "fixed32", "fixed64", "sint32", "sint64", "sfixed64"}
# of each field that can't have any number: its content, and another
CONTENTS: Final[dict[str, tuple[Any, Any]]] = {
    "trace_id": (b"t" * 16, b"u" * 16), "span_id": (b"s" * 8, b"r" * 8), "parent_span_id": (b"p" * 8, b"q" * 8),
    "explicit_bounds": ([10.0], [20.0]), "quantile": (0.5, 0.75), "scale": (3, 2), "flags": (2, 3),
    "code": (2, 1), "kind": (3, 2), "severity_number": (9, 17), "aggregation_temporality": (2, 1),
    "bool_value": (True, False), "is_monotonic": (True, False),
}  # fmt: skip
BYTES: Final = {"traceId", "spanId", "parentSpanId"}

Message = Any  # protobuf has no types


def names_of(message: Message, name: str) -> str:
    return f"{PACKAGE.sub('', message.DESCRIPTOR.full_name)}.{name}"


def contents(field: Any) -> tuple[Any, Any]:  # noqa: ANN401 - a FieldDescriptor
    """The content of a plain field, and another."""
    if field.name in CONTENTS:
        one, other = CONTENTS[field.name]
    elif "time_unix_nano" in field.name:
        one, other = T + 5_000 * field.number, T + 5_000 * field.number + 7
    else:
        number = 7 + field.number
        kinds = {"string": (f"{field.name}-1", f"{field.name}-2"), "bytes": (b"1", b"2")}
        kind = {9: "string", 12: "bytes"}.get(field.type, "")
        one, other = kinds.get(kind, (number, number + 1) if field.type not in (1, 2) else (number + 0.5, number + 1.5))
    if field.is_repeated and not isinstance(one, list):
        return [one] * 2, [other] * 2
    return one, other


def filled(kind: Any, choice: str = "", level: int = 0) -> Message:  # noqa: ANN401 - a class of messages
    """A message with all its fields; of alternatives the one with this name, in a list an element for each."""
    message = kind()
    for field in kind.DESCRIPTOR.fields:
        if field.containing_oneof is not None and len(field.containing_oneof.fields) > 1 and field.name != choice:
            continue
        if field.message_type is None:
            one, _ = contents(field)
            one = f"key-{choice}" if field.name == "key" else one
            getattr(message, field.name).extend(one) if field.is_repeated else setattr(message, field.name, one)
            continue
        if level > 1 and field.message_type.name in ("ArrayValue", "KeyValueList"):
            continue
        inner = field.message_type._concrete_class
        if field.is_repeated:
            deeper = level + (field.message_type.name in ("AnyValue", "KeyValue"))
            getattr(message, field.name).extend(filled(inner, name, deeper) for name in choices(inner, deeper))
        else:
            getattr(message, field.name).CopyFrom(filled(inner, choice or next(iter(choices(inner, level))), level))
    return message


def choices(kind: Any, level: int) -> list[str]:  # noqa: ANN401 - a class of messages
    """The names of a message's alternatives, or of its value's; one empty name if it has none."""
    if kind.DESCRIPTOR.name == "KeyValue":
        kind = kind.DESCRIPTOR.fields_by_name["value"].message_type._concrete_class
    alternatives = [oneof for oneof in kind.DESCRIPTOR.oneofs if len(oneof.fields) > 1]
    names = [field.name for oneof in alternatives for field in oneof.fields]
    if level > 1:
        names = [name for name in names if name not in ("array_value", "kvlist_value")]
    return names or [""]


def changes(message: Message, unread: Collection[str]) -> Iterator[tuple[str, Any]]:
    """Each plain field of a message and of those in it: its name, and a function that changes it and back.

    Lists of messages in `unread` are one field.
    """
    for field, value in message.ListFields():
        is_message = field.message_type is not None
        if is_message and names_of(message, field.name) not in unread:
            for inner in value if field.is_repeated else (value,):
                yield from changes(inner, unread)
            continue
        other = [] if is_message else contents(field)[1]
        one = [copy.deepcopy(item) for item in value] if field.is_repeated else value

        def put(content: Any, field: Any = field) -> None:  # noqa: ANN401
            if field.is_repeated:
                del getattr(message, field.name)[:]
                getattr(message, field.name).extend(content)
            else:
                setattr(message, field.name, content)

        yield names_of(message, field.name), (put, one, other)


def shown(parts: list[Row | Refused]) -> list[Any]:
    """The rows without the ids that are hashes; everything must be a row."""
    assert all(isinstance(part, Row) for part in parts), parts
    return [part._replace(span_id=None) if part.kind != "call" else part for part in parts if isinstance(part, Row)]


def rows_of(message: Message) -> list[Any]:
    return shown(list(messages.rows(copy.deepcopy(message))))


def as_json(message: Message) -> dict[str, Any]:
    """The message as OTLP's JSON, where ids are in hex."""

    def in_hex(fields: dict[str, Any]) -> dict[str, Any]:
        return {name: base64.b64decode(value).hex() if name in BYTES else value for name, value in fields.items()}

    document = json_format.MessageToJson(message, use_integers_for_enums=True)
    parsed: dict[str, Any] = json.loads(document, object_hook=in_hex)
    return parsed


def not_stored() -> list[str]:
    """The patterns of fields in the section of the document."""
    section = DOCUMENT.read_text("utf-8").split("## Fields that are not stored")[1].split("\n## ")[0]
    cells = (line.split("|")[1] for line in section.splitlines() if line.startswith("| `"))
    return [name for cell in cells for name in re.findall(r"`([\w.*]+)`", cell)]


def declared(descriptor: Any, seen: set[str]) -> Iterator[str]:  # noqa: ANN401 - a Descriptor
    """The plain fields of a message and of those in it."""
    if descriptor.full_name in seen:
        return
    seen.add(descriptor.full_name)
    for field in descriptor.fields:
        if field.message_type is None:
            yield f"{PACKAGE.sub('', descriptor.full_name)}.{field.name}"
        else:
            yield from declared(field.message_type, seen)


def test_every_field_is_stored_or_named_in_the_document() -> None:
    stored: dict[str, bool] = {}
    patterns = not_stored()
    for kind in messages.REQUESTS.values():
        message = filled(kind)
        before = rows_of(message)
        for name, (put, one, other) in changes(message, patterns):
            put(other)
            stored[name] = stored.get(name, True) and rows_of(message) != before
            put(one)
        assert set(declared(kind.DESCRIPTOR, set())) <= stored.keys()
    named = {name for name in stored if any(fnmatchcase(name, pattern) for pattern in patterns)}
    assert {name for name, is_stored in stored.items() if not is_stored} == named
    assert all(any(fnmatchcase(name, pattern) for name in stored) for pattern in patterns)


@pytest.mark.parametrize("signal", list(messages.REQUESTS))
def test_every_field_is_the_same_in_json(signal: str) -> None:
    message = filled(messages.REQUESTS[signal])
    by_json = shown(list(otlp_json.rows(as_json(message), 1)))
    for mine, its in zip(rows_of(message), by_json, strict=True):
        assert mine._replace(attributes=None) == its._replace(attributes=None)
        assert json.loads(mine.attributes or "") == json.loads(its.attributes or "")

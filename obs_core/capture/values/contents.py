"""Adds the whole content of a value to the key that a reading is compared by, without running code of the program."""

from collections.abc import Collection, Iterator
from itertools import islice
from marshal import dumps
from typing import Any, Final

from obs_core.capture.signals import pass_on
from obs_core.capture.values import arrays
from obs_core.capture.values.equality import Key
from obs_core.capture.values.limits import rules
from obs_core.capture.values.plain_parts import enum_state, foreign_zone, plain_scalar, standard_text
from obs_core.capture.values.type_info import VIEWS, fields_of, root_of, type_info

_DEPTH: Final = 40
_CHUNK: Final = 4096  # items of a container that are looked at together
_NUMBER_COST: Final = 64  # bytes: a number takes 40 ns
_NAME_COST: Final = 512  # bytes: a key is compared with the names of secrets
_NAMES: Final = frozenset({str})
_FLAT: Final = frozenset({int, float, bool, type(None), complex, str, bytes})
_SEQUENCES: Final = frozenset({list, tuple, set, frozenset})
_NUMBERS: Final = frozenset({int, float, bool, type(None), complex})
_VERSION: Final = 2  # of marshal: equal values have equal bytes


def feed(key: Key, value: object) -> None:
    """Add `value`; what can't be read makes the reading incomparable. Never raises an Exception."""
    try:
        _feed(key, value, 0)
    except Exception as error:  # noqa: BLE001 - a container changed by another thread, a library with another interface
        pass_on(error)
        key.fail()


def feed_fields(key: Key, fields: Collection[tuple[object, Any]]) -> None:
    """Add fields of an object that are quick to add; other ones and secrets make the reading incomparable."""
    if _feed_flat_fields(key, fields):
        return
    if all(is_flat(item) for _, item in fields):
        try:
            _feed_fields(key, fields, 0)
        except Exception as error:  # noqa: BLE001 - as above
            pass_on(error)
            key.fail()
    else:
        key.fail()


def _feed_flat_fields(key: Key, fields: Collection[tuple[object, Any]]) -> bool:
    """Add fields that can be marshalled as they are, at once; False for others."""
    harmless, hides = rules.redaction.harmless, rules.redaction.hides
    size = 0
    for name, item in fields:
        kind = type(item)
        if type(name) is not str:
            return False
        if kind in _NUMBERS:
            size += _NUMBER_COST
        elif kind is str or kind is bytes:
            size += _NUMBER_COST + len(item)
        elif (kind is list or kind is tuple) and len(item) <= _CHUNK and set(map(type, item)) <= _FLAT:
            size += _NUMBER_COST + _size(item)
        elif kind is dict and len(item) <= _CHUNK and _is_flat_dict(item):
            size += _NUMBER_COST + _size(item) + _size(item.values())
        else:
            return False
        if name not in harmless and hides(name):
            key.fail()
            return True
    if key.can_take(size):
        key.add("fields", dumps(list(fields), _VERSION))
    return True


def _is_flat_dict(fields: dict[Any, Any]) -> bool:
    """Whether a dict has flat values, and texts as keys, none of them the name of a secret."""
    redaction = rules.redaction
    return (
        set(map(type, fields)) <= _NAMES
        and set(map(type, fields.values())) <= _FLAT
        and (redaction.harmless.issuperset(fields) or not any(map(redaction.hides, fields)))
    )


def is_flat(value: Any) -> bool:  # noqa: ANN401 - any value
    """Whether `value` is quick to add: no object, and no container of objects."""
    kind = type(value)
    if kind in _SEQUENCES:
        return set(map(type, value)) <= _FLAT
    if kind is dict:
        return set(map(type, value.values())) <= _FLAT
    return kind in _FLAT or type_info(kind).group in ("library", "buffer", "scalar")


def _feed_fields(key: Key, fields: Collection[tuple[object, Any]], depth: int) -> None:
    if _feed_flat_fields(key, fields):
        return
    if any(rules.redaction.hides(name) for name, _ in fields):
        key.fail()
        return
    for name, item in fields:
        _feed(key, name, depth + 1)
        _feed(key, item, depth + 1)


def _feed(key: Key, value: Any, depth: int) -> None:  # noqa: ANN401, C901, PLR0911, PLR0912 - one line per group
    if not key.comparable:
        return
    key.spend_part()
    kind = type(value)
    if kind in _FLAT:
        _feed_flat(key, value, kind)
        return
    if depth > _DEPTH:
        key.fail()
        return
    info = type_info(kind)
    key.add(f"{info.group} {info.identity or info.name}")
    if info.group == "container":
        _feed_container(key, value, info.base, depth)
        if root_of(kind) in ("builtins", "collections"):
            return
    elif info.group == "record":
        _feed_items(key, tuple.__iter__(value), depth)
    elif info.group == "scalar":
        _feed_flat(key, plain_scalar(value, info.base), info.base)
    elif info.group == "enum":
        _feed(key, enum_state(value), depth + 1)
        return
    elif info.group == "library":
        for item in arrays.feed(key, value, info):
            _feed(key, item, depth + 1)
        if root_of(kind) == root_of(info.base):
            return
    elif info.group == "standard":
        key.add_text(standard_text(value, info))
        if (zone := foreign_zone(value, info)) is not None:
            _feed(key, zone, depth + 1)
    elif info.group == "buffer":
        feed_buffer(key, value)
    elif info.group == "exception":
        _feed(key, BaseException.args.__get__(value), depth + 1)  # type: ignore[attr-defined]
    elif info.group == "type" or info.hides_state:
        key.fail()
        return
    public, private = fields_of(value, info)
    _feed_fields(key, public.items(), depth)
    _feed_fields(key, private, depth)


def _feed_flat(key: Key, value: Any, kind: type) -> None:  # noqa: ANN401 - a scalar
    if kind is str:
        key.add_text(value)
    elif kind is bytes or kind is bytearray:
        key.add("b", value)
    else:
        key.add("n", dumps(value, _VERSION))


def _feed_container(key: Key, value: Any, base: Any, depth: int) -> None:  # noqa: ANN401 - a container
    if base in VIEWS:
        key.add(f"{len(value)}")
        _feed_items(key, iter(value), depth)
        return
    key.add(f"{base.__len__(value)}")
    if base is dict:
        items = dict.items(value)
        _feed_items(key, (key for key, _ in items), depth, are_names=True)
        _feed_items(key, (item for _, item in items), depth)
    elif base is set or base is frozenset:
        _feed_set(key, base.__iter__(value), depth)
    else:
        _feed_items(key, base.__iter__(value), depth)


def _feed_items(key: Key, items: Iterator[Any], depth: int, *, are_names: bool = False) -> None:
    hides = rules.redaction.hides
    while key.comparable and (chunk := list(islice(items, _CHUNK))):
        kinds = set(map(type, chunk))
        if kinds <= _NUMBERS:
            if key.can_take(len(chunk) * _NUMBER_COST):
                key.add("chunk", dumps(chunk, _VERSION))
            continue
        if are_names and (not key.can_take(len(chunk) * _NAME_COST) or any(map(hides, chunk))):
            key.fail()
        if kinds <= _FLAT:
            if key.can_take(_size(chunk)):
                key.add("chunk", dumps(chunk, _VERSION))
            continue
        key.add("items")
        for item in chunk:
            _feed(key, item, depth + 1)


def _size(items: Collection[Any]) -> int:
    """The bytes that flat items cost."""
    return len(items) * _NUMBER_COST + sum(len(item) for item in items if type(item) is str or type(item) is bytes)


def _feed_set(key: Key, items: Iterator[Any], depth: int) -> None:
    """Add the entries of a set in an order that does not depend on how it was filled."""
    digests = []
    for item in items:
        part = Key()
        part.parts_left, part.bytes_left = key.parts_left, key.bytes_left - _NAME_COST
        _feed(part, item, depth + 1)
        key.parts_left, key.bytes_left = part.parts_left, part.bytes_left
        if not part.comparable:
            key.fail()
            return
        digests.append(part.digest(""))
    key.add("set", "".join(sorted(digests)).encode())


def feed_buffer(key: Key, value: Any) -> None:  # noqa: ANN401 - a memoryview or an array.array
    """Add the content of a value with the buffer protocol; one with strides is copied if it is small."""
    view = memoryview(value)
    key.add(f"{view.format} {view.shape}")
    if view.format == "O" or not key.can_take(view.nbytes):
        key.fail()
    elif view.nbytes:
        key.add_block(view.cast("B") if view.c_contiguous else view.tobytes())

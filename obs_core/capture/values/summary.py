"""Descriptions of values that are not plain data: fast, bounded, and without importing the libraries they come from.

A reading is described with a `Key`: what its text leaves out is added to it, so that two readings are equal only if
their values are. Results of calls are never compared, and have no key.
"""

from collections import deque
from collections.abc import Collection, Iterable, Iterator
from typing import Any, Final

from obs_core.capture.values import arrays
from obs_core.capture.values.contents import (
    enum_state,
    feed,
    feed_fields,
    foreign_zone,
    is_flat,
    plain_scalar,
    standard_text,
)
from obs_core.capture.values.equality import Key
from obs_core.capture.values.limits import rules
from obs_core.capture.values.redact import REDACTED
from obs_core.capture.values.repr_timeout import repr_with_timeout
from obs_core.capture.values.type_info import VIEWS, TypeInfo, fields_of, mro_of, namespace_of, root_of, type_info

_ENTRIES: Final = 24  # shown entries of a container
_SORTED: Final = 200  # entries of a set, at most, that are shown in their order
_DEPTH: Final = 4
_LONGEST_PART: Final = 500
_SHOWN_BYTES: Final = 64
_DIGITS: Final = 10_000  # bits of an integer that is shown; Python refuses to write 4,300 digits and more
_OBJECT_CHARACTERS: Final = 1000  # of an object and what it refers to; with 8,000 a parser took 16 s instead of 10
_STATE_COST: Final = 100  # of the budget: reading the fields of an object takes as long as some 100 characters
_NAME_COST: Final = 8  # of the budget: the name of a field, roughly
_NUMBERS: Final = frozenset({int, float, bool, type(None)})
_SCALARS: Final = frozenset({int, float, bool, type(None), complex, str, bytes, bytearray})
_BRACKETS: Final[dict[type, tuple[str, str]]] = {
    dict: ("{", "}"),
    list: ("[", "]"),
    tuple: ("(", ")"),
    set: ("{", "}"),
    frozenset: ("frozenset({", "})"),
    deque: ("deque([", "])"),
    **{view: (f"{view.__name__}([", "])") for view in VIEWS},
}


_FIELDS: Final[type] = type({}.items())


class Budget:
    """The characters that a text may still take (below zero it ends after the current part), and the value's key.

    `key` is None if the value is not compared.
    """

    __slots__ = ("_is_object", "key", "left")

    def __init__(self, *, is_object: bool, compared: bool) -> None:
        """The budget of an object or of another value."""
        self._is_object = is_object
        self.left = _OBJECT_CHARACTERS if is_object else 2 * rules.cap
        self.key = Key() if compared else None

    def spend(self, characters: int) -> None:
        """Use up `characters`."""
        self.left -= characters

    def leave_out(self, value: object) -> None:
        """The text does not show the whole of `value`: it is compared by its content.

        Of what an object refers to only flat containers and arrays: reading a tree of objects takes too long.
        """
        key = self.key
        if key is not None and key.comparable:
            if not self._is_object or is_flat(value):
                feed(key, value)
            else:
                key.fail()

    def leave_out_fields(self, fields: Collection[tuple[object, Any]]) -> None:
        """The text does not show these fields of an object."""
        key = self.key
        if key is not None and key.comparable:
            feed_fields(key, fields)

    def fail(self) -> None:
        """The value can't be compared."""
        if self.key is not None:
            self.key.fail()


def description(value: object, *, compared: bool = True) -> dict[str, Any]:
    """The type and text of `value`, and how a reading is compared (see `Key.result`). Never raises an Exception."""
    kind = type(value)
    name = kind.__name__
    key = None
    try:
        info = type_info(kind)
        name = info.name
        is_object = info.group == "object"
        budget = Budget(is_object=is_object, compared=compared)
        key = budget.key
        text, length = _whole_text(value, info, budget)
    except Exception as error:  # noqa: BLE001 - foreign code may raise anything, and the program must not notice
        text, length = f"<{name}: not described, {type(error).__name__}>", None
        if key is not None:
            key.fail()
    return {"type": name, **shown(text, key, length)}


def shown(text: str, key: Key | None, length: int | None = None) -> dict[str, Any]:
    """The details of a frame for a text: redacted and within the cap, and how it is compared."""
    cap = rules.cap
    details: dict[str, Any] = {"length": length} if length is not None else {}
    if len(text) > cap:
        # 256 characters more than the cap are scrubbed, so that no half of a secret stays at the cut
        part = text[: cap + 256]
        scrubbed = rules.redaction.scrubbed(part)
        details = {"text": scrubbed[: cap - 1] + "…", "length": len(text) if length is None else length}
        if key is not None and key.comparable:
            key.add_text(text)
    else:
        part, scrubbed = text, rules.redaction.scrubbed(text)
        details["text"] = scrubbed
    if key is not None:
        if scrubbed != part:
            key.fail()
        details |= key.result(details["text"])
    return details


def _whole_text(value: Any, info: TypeInfo, budget: Budget) -> tuple[str, int | None]:  # noqa: ANN401 - any value
    """The text of a value that is not part of another one, and its length if its text leaves something out."""
    base = info.base
    if info.group == "scalar":
        plain = plain_scalar(value, base)
        if type(value) is not base:
            _own_fields(value, info, budget)
        if base is str:
            return plain, None
        if base is bytes or base is bytearray:
            return _bytes_text(plain, budget)
        return _scalar(plain, base, budget), None
    if info.group == "library":
        text, length = arrays.text_of(value, info, nested=False) or (None, None)
        if text is not None:
            budget.leave_out(value)
            return text, length
    text = _text(value, 0, budget)
    length = base.__len__(value) if info.group == "container" and base not in VIEWS else 0
    return text, length if length > _ENTRIES else None


def _bytes_text(value: bytes | bytearray, budget: Budget) -> tuple[str, int | None]:
    text = repr(bytes(value[:_SHOWN_BYTES]))
    if len(value) <= _SHOWN_BYTES:
        return text, None
    budget.leave_out(value)
    return f"{text}… ({len(value):,} bytes)", len(value)


def _text(value: Any, depth: int, budget: Budget) -> str:  # noqa: ANN401, C901, PLR0911 - one line per group of types
    """`value` as text; `budget` limits it, so that a large tree of objects ends early."""
    kind = type(value)
    if kind in _SCALARS:
        text = _scalar(value, kind, budget)
        budget.spend(len(text))
        return text
    info = type_info(kind)
    if depth >= _DEPTH:
        budget.leave_out(value)
        return f"<{info.name}>"
    group = info.group
    if group == "object":
        return _object(value, kind, info, depth, budget)
    if group == "container":
        return _container(value, info, depth, budget)
    if group == "record":
        fields = next(names for base in mro_of(kind) if (names := namespace_of(base).get("_fields")) is not None)
        if type(fields) is tuple and len(fields) == tuple.__len__(value):
            parts = (f"{name}={_field(name, item, depth, budget)}" for name, item in zip(fields, value, strict=True))
            return f"{info.name}({_joined(parts, len(fields), value, budget)})"
        return _container(value, info, depth, budget)
    _own_fields(value, info, budget)
    if group == "scalar":
        return _scalar(plain_scalar(value, info.base), info.base, budget)
    if group == "enum":
        state = enum_state(value)
        return f"{info.name}.{state}" if type(state) is str else f"{info.name}({_text(state, depth + 1, budget)})"
    if group == "library" and (summary := arrays.text_of(value, info, nested=True)) is not None:
        budget.leave_out(value)
        return summary[0]
    if group == "standard":
        if foreign_zone(value, info) is not None:
            budget.leave_out(value)
        return standard_text(value, info)
    return _other(value, info, depth, budget)


def _other(value: Any, info: TypeInfo, depth: int, budget: Budget) -> str:  # noqa: ANN401 - any value
    """The text of a value of a rare group: buffers, exceptions, classes."""
    if info.group == "buffer":
        budget.leave_out(value)
        view = memoryview(value)
        if info.base is memoryview or len(value) > _ENTRIES:
            return f"<{info.name} {view.format} {' x '.join(f'{length:,}' for length in view.shape or ())}>"
        return str(info.base.__repr__(value))
    if info.group == "exception":
        arguments = BaseException.args.__get__(value)  # type: ignore[attr-defined]
        parts = (_text(argument, depth + 1, budget) for argument in arguments)
        return f"{info.name}({_joined(parts, len(arguments), arguments, budget)})"
    budget.fail()
    return type.__repr__(value) if info.group == "type" else f"<{info.name}>"


def _own_fields(value: Any, info: TypeInfo, budget: Budget) -> None:  # noqa: ANN401 - any value
    """Add the fields that a class of the program gives to a subclass of a known type; the text does not show them."""
    key = budget.key
    if (
        key is None
        or not key.comparable
        or info.group in ("enum", "type", "library")
        or not (info.dict_of or info.public)
    ):
        return
    if info.group == "standard" and type(value) is info.base:
        return
    public, private = fields_of(value, info)
    if public or private:
        budget.leave_out_fields([*public.items(), *private])


def _container(value: Any, info: TypeInfo, depth: int, budget: Budget) -> str:  # noqa: ANN401 - any container
    base = info.base
    start, end = _BRACKETS[base]
    length = len(value) if base in VIEWS else base.__len__(value)
    if type(value) is not base and root_of(type(value)) != "collections":  # the state of a Counter is its entries
        _own_fields(value, info, budget)
    if base is dict:
        items = dict.items(value)
        hidden = base is dict and dict.__len__(value) <= _ENTRIES and _hides_labelled(value)
        parts: Iterable[str] = (
            f"{_text(key, depth + 1, budget)}: {_field(key, item, depth, budget, hidden=hidden)}" for key, item in items
        )
    else:
        parts = _items(base.__iter__(value), length, depth, budget)
    if base is set or base is frozenset:
        left = budget.left  # numbers by size; the order of a set is chance, so a large one shows none of its entries
        parts = sorted(parts, key=lambda text: (len(text), text)) if length <= _SORTED else ()
        budget.left = left - sum(map(len, parts[:_ENTRIES]))
    return start + _joined(parts, length, value, budget) + (",)" if base is tuple and length == 1 else end)


def _items(items: Iterable[Any], count: int, depth: int, budget: Budget) -> Iterator[str]:
    """The texts of the items of a sequence; what follows an option or a name that is secret is redacted."""
    hidden = False
    for item in items:
        if hidden:
            budget.fail()
            yield REDACTED
        else:
            yield _text(item, depth + 1, budget)
        hidden = type(item) not in _NUMBERS and rules.redaction.hides_after(item, count)


def _hides_labelled(fields: dict[object, Any]) -> bool:
    """Whether the item `value` is secret by an item `name`; keys of other types may run code of the program."""
    return all(type(key) is str for key in dict.keys(fields)) and rules.redaction.hides_labelled(fields)  # type: ignore[arg-type]


def _object(value: Any, kind: type, info: TypeInfo, depth: int, budget: Budget) -> str:  # noqa: ANN401 - any value
    if info.hides_state:
        budget.fail()
    if root_of(kind) == "builtins" and not info.public:
        budget.fail()
        return f"<{info.name}>"
    public, private = fields_of(value, info)
    if private:
        budget.leave_out_fields(private)
    if rules.foreign_repr and root_of(kind) != "builtins":
        budget.leave_out_fields(public.items())
        return repr_with_timeout(lambda: repr(value), kind)
    budget.spend(_STATE_COST)
    hidden = "value" in public and rules.redaction.hides_labelled(public)
    parts = (f"{name}={_field(name, item, depth, budget, hidden=hidden)}" for name, item in public.items())
    return f"{info.name}({_joined(parts, len(public), public.items(), budget)})"


def _scalar(value: Any, kind: type, budget: Budget) -> str:  # noqa: ANN401 - one of the scalars
    if kind is int and value.bit_length() > _DIGITS:
        budget.leave_out(value)
        return f"<int of {value.bit_length():,} bits>"
    if kind in (str, bytes, bytearray) and len(value) > _LONGEST_PART:
        budget.leave_out(value)
        return repr(value[:_LONGEST_PART])[:-1] + "…'"
    return repr(value)


def _joined(parts: Iterable[str], count: int, whole: object, budget: Budget) -> str:
    """The first parts, separated by commas; if some are left out, the reading is compared by the content of `whole`."""
    shown_parts: list[str] = []
    for part in parts:
        shown_parts.append(part)
        if len(shown_parts) == _ENTRIES or budget.left < 0:
            break
    left = count - len(shown_parts)
    if left > 0:
        if type(whole) is _FIELDS:
            budget.leave_out_fields(whole)  # type: ignore[arg-type]
        else:
            budget.leave_out(whole)
    return ", ".join(shown_parts) + (f", … {left:,} more" if left > 0 else "")


def _field(name: object, value: object, depth: int, budget: Budget, *, hidden: bool = False) -> str:
    """The text of a field; `hidden` says that the field `value` is secret."""
    budget.spend(_NAME_COST)
    if rules.redaction.hides(name) or (hidden and name == "value"):
        budget.fail()
        return REDACTED
    return _text(value, depth + 1, budget)

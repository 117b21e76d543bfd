"""The text of a value and of its parts, read without running code of the program."""

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

from obs_core.capture.values import arrays
from obs_core.capture.values.budget import Budget
from obs_core.capture.values.limits import rules
from obs_core.capture.values.plain_parts import enum_state, foreign_zone, plain_scalar, standard_text
from obs_core.capture.values.redact import REDACTED
from obs_core.capture.values.repr_timeout import repr_with_timeout
from obs_core.capture.values.type_info import VIEWS, TypeInfo, fields_of, record_names, root_of, type_info

ENTRIES: Final = 24
"""The entries of a container that are shown."""
_SORTED: Final = 200  # entries of a set, at most, that are shown in their order
_DEPTH: Final = 4
_LONGEST_PART: Final = 500
_DIGITS: Final = 10_000  # bits of an integer that is shown; Python refuses to write 4,300 digits and more
_FEW_DIGITS: Final = 2_000  # characters of numbers: none of them has more bits than `_DIGITS`
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


def text_of(value: Any, depth: int, budget: Budget) -> str:  # noqa: ANN401, C901, PLR0911 - one line per group of types
    """`value` as text; `budget` limits it, so that a large tree of objects ends early."""
    kind = type(value)
    if kind in _SCALARS:
        text = scalar_text(value, kind, budget)
        budget.left -= len(text)
        return text
    info = type_info(kind)
    if info.identity:
        budget.add_type(info.identity)
    if depth >= _DEPTH:
        budget.leave_out(value)
        return f"<{info.name}>"
    group = info.group
    if group == "object":
        return _object(value, kind, info, depth, budget)
    if group == "container":
        return _container(value, info, depth, budget)
    if group == "record":
        fields = record_names(kind)
        if len(fields) == tuple.__len__(value):
            parts = (f"{name}={_field(name, item, depth, budget)}" for name, item in zip(fields, value, strict=True))
            return f"{info.name}({_joined(parts, len(fields), value, budget)})"
        return _container(value, info, depth, budget)
    add_own_fields(value, info, budget)
    if group == "scalar":
        return scalar_text(plain_scalar(value, info.base), info.base, budget)
    if group == "enum":
        state = enum_state(value)
        return f"{info.name}.{state}" if type(state) is str else f"{info.name}({text_of(state, depth + 1, budget)})"
    if group == "library" and (summary := arrays.text_of(value, info, nested=True)) is not None:
        budget.leave_out(value)
        return summary[0]
    if group == "standard":
        if foreign_zone(value, info) is not None:
            budget.leave_out(value)
        return standard_text(value, info)
    return _other(value, info, depth, budget)


def scalar_text(value: Any, kind: type, budget: Budget) -> str:  # noqa: ANN401 - one of the scalars
    """The text of a value of a built-in scalar type; a long one is cut."""
    if kind is int and value.bit_length() > _DIGITS:
        budget.leave_out(value)
        return f"<int of {value.bit_length():,} bits>"
    if kind in (str, bytes, bytearray) and len(value) > _LONGEST_PART:
        budget.leave_out(value)
        return repr(value[:_LONGEST_PART])[:-1] + "…'"
    return repr(value)


def add_own_fields(value: Any, info: TypeInfo, budget: Budget) -> None:  # noqa: ANN401 - any value
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


def _other(value: Any, info: TypeInfo, depth: int, budget: Budget) -> str:  # noqa: ANN401 - any value
    """The text of a value of a rare group: buffers, exceptions, classes."""
    if info.group == "buffer":
        budget.leave_out(value)
        view = memoryview(value)
        if info.base is memoryview or len(value) > ENTRIES:
            return f"<{info.name} {view.format} {' x '.join(f'{length:,}' for length in view.shape or ())}>"
        return str(info.base.__repr__(value))
    if info.group == "exception":
        arguments = BaseException.args.__get__(value)  # type: ignore[attr-defined]
        parts = (text_of(argument, depth + 1, budget) for argument in arguments)
        return f"{info.name}({_joined(parts, len(arguments), arguments, budget)})"
    budget.fail()
    return type.__repr__(value) if info.group == "type" else f"<{info.name}>"


def _container(value: Any, info: TypeInfo, depth: int, budget: Budget) -> str:  # noqa: ANN401 - any container
    base = info.base
    start, end = _BRACKETS[base]
    length = len(value) if base in VIEWS else base.__len__(value)
    if type(value) is not base and root_of(type(value)) != "collections":  # the state of a Counter is its entries
        add_own_fields(value, info, budget)
    if base is dict:
        items = dict.items(value)
        hidden = dict.__len__(value) <= ENTRIES and hides_labelled(value)
        parts: Iterable[str] = (
            f"{text_of(key, depth + 1, budget)}: {_field(key, item, depth, budget, hidden=hidden)}"
            for key, item in items
        )
        return start + _joined(parts, length, value, budget) + end
    if base is set or base is frozenset:
        return start + _joined(_set_items(value, base, length, depth, budget), length, value, budget) + end
    text = _flat_items(value, base, length, budget)
    if text is None:
        text = _joined(_items(base.__iter__(value), length, depth, budget), length, value, budget)
    return start + text + (",)" if base is tuple and length == 1 else end)


def _flat_items(value: Any, base: Any, length: int, budget: Budget) -> str | None:  # noqa: ANN401 - a sequence
    """The shown items of a sequence of numbers and short texts; None for others.

    One `repr` per item instead of four calls: a third of the time for a list of numbers.
    """
    if base in VIEWS or length == 2:  # noqa: PLR2004 - may be a name and its value
        return None
    shown = list(islice(base.__iter__(value), ENTRIES))
    for item in shown:
        if type(item) not in _NUMBERS and (type(item) is not str or len(item) > _LONGEST_PART or item[:1] == "-"):
            return None
    try:
        text = ", ".join(map(repr, shown))
    except ValueError:  # an integer with too many digits
        return None
    if len(text) > min(budget.left, _FEW_DIGITS):
        return None
    budget.left -= len(text)
    return _with_rest(text, length - len(shown), value, budget)


def _set_items(value: Any, base: Any, length: int, depth: int, budget: Budget) -> list[str]:  # noqa: ANN401 - a set
    """The texts of the entries: numbers by size. The order of a set is chance: of a large one none is shown."""
    if length > _SORTED:
        return []
    left, types = budget.left, len(budget.key.types) if budget.key else 0
    parts = sorted(_items(base.__iter__(value), length, depth, budget), key=lambda text: (len(text), text))
    budget.left = left - sum(map(len, parts[:ENTRIES]))
    if budget.key and len(budget.key.types) > types:  # in the order of chance: then all of the set is compared
        del budget.key.types[types:]
        budget.leave_out(value)
    return parts


def _items(items: Iterable[Any], count: int, depth: int, budget: Budget) -> Iterator[str]:
    """The texts of the items of a sequence; what follows an option or a name that is secret is redacted."""
    hidden = False
    for item in items:
        if hidden:
            budget.fail()
            yield REDACTED
        else:
            yield text_of(item, depth + 1, budget)
        hidden = type(item) not in _NUMBERS and rules.redaction.hides_after(item, count)


def hides_labelled(fields: dict[object, Any]) -> bool:
    """Whether the item `value` is secret by an item `name`; keys of other types may run code of the program."""
    return all(type(key) is str for key in dict.keys(fields)) and rules.redaction.hides_labelled(fields)  # type: ignore[arg-type]


def _object(value: Any, kind: type, info: TypeInfo, depth: int, budget: Budget) -> str:  # noqa: ANN401 - any value
    if info.hides_state:
        budget.fail()
    is_builtin = info.is_builtin
    if is_builtin and not info.public:
        budget.fail()
        return f"<{info.name}>"
    public, private = fields_of(value, info)
    if private:
        budget.leave_out_fields(private)
    if rules.foreign_repr and not is_builtin:
        budget.leave_out_fields(public.items())
        return repr_with_timeout(lambda: repr(value), kind)
    budget.left -= _STATE_COST
    hidden = "value" in public and rules.redaction.hides_labelled(public)
    parts = (f"{name}={_field(name, item, depth, budget, hidden=hidden)}" for name, item in public.items())
    return f"{info.name}({_joined(parts, len(public), public.items(), budget)})"


def _joined(parts: Iterable[str], count: int, whole: object, budget: Budget) -> str:
    """The first parts, separated by commas; if some are left out, the reading is compared by the content of `whole`."""
    shown_parts: list[str] = []
    for part in parts:
        shown_parts.append(part)
        if len(shown_parts) == ENTRIES or budget.left < 0:
            break
    return _with_rest(", ".join(shown_parts), count - len(shown_parts), whole, budget)


def _with_rest(text: str, left: int, whole: object, budget: Budget) -> str:
    """The text of some parts; if some are left out, the reading is compared by the content of `whole`."""
    if left <= 0:
        return text
    if type(whole) is _FIELDS:
        budget.leave_out_fields(whole)  # type: ignore[arg-type]
    else:
        budget.leave_out(whole)
    return f"{text}, … {left:,} more"


def _field(name: object, value: object, depth: int, budget: Budget, *, hidden: bool = False) -> str:
    """The text of a field; `hidden` says that the field `value` is secret."""
    budget.left -= _NAME_COST
    redaction = rules.redaction
    is_harmless = type(name) is str and name in redaction.harmless
    if (not is_harmless and redaction.hides(name)) or (hidden and name == "value"):
        budget.fail()
        return REDACTED
    kind = type(value)
    if kind is float or kind is bool or value is None:
        text = repr(value)
        budget.left -= len(text)
        return text
    return text_of(value, depth + 1, budget)

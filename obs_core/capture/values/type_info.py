"""What is known about a type: how its values are read without running code of the program; found once per type.

Everything is read past the type's own attributes (`type.__dict__["__name__"].__get__(kind)`), because a metaclass may
define them as properties.
"""

import sys
from types import GetSetDescriptorType, MemberDescriptorType
from typing import Any, Final, Literal, NamedTuple

Group = Literal["scalar", "container", "record", "enum", "library", "standard", "buffer", "exception", "type", "object"]
"""How values are read: by a built-in base type (scalar, container), as a named tuple, by the functions of a numerical
library or of a module of the standard library, by the buffer protocol, or by their fields."""

LIBRARIES: Final = frozenset({"numpy", "pandas", "polars", "pyarrow", "xarray", "torch", "jax", "cupy"})
_KNOWN_ROOTS: Final = frozenset({"builtins", "collections", "types", "array"})
_STANDARD: Final = frozenset({"datetime", "decimal", "fractions", "uuid", "pathlib", "ipaddress", "zoneinfo"})
_IN_C: Final = frozenset({"datetime", "decimal"})  # their repr runs no code of a subclass
_SCALARS: Final = (int, float, complex, str, bytes, bytearray)
CONTAINERS: Final[tuple[type, ...]] = (dict, list, tuple, set, frozenset)
VIEWS: Final[tuple[Any, ...]] = (type({}.keys()), type({}.values()), type({}.items()))
_SLOT_SIZE: Final = 8
_DESCRIPTORS: Final = (GetSetDescriptorType, MemberDescriptorType)
_MOST_TYPES: Final = 5000

_name: Final = type.__dict__["__name__"].__get__
_qualified_name: Final = type.__dict__["__qualname__"].__get__
mro_of: Final = type.__dict__["__mro__"].__get__
namespace_of: Final = type.__dict__["__dict__"].__get__
_size: Final = type.__dict__["__basicsize__"].__get__
_item_size: Final = type.__dict__["__itemsize__"].__get__
_dict_offset: Final = type.__dict__["__dictoffset__"].__get__
_weak_offset: Final = type.__dict__["__weakrefoffset__"].__get__

Slots = tuple[tuple[str, Any], ...]


class TypeInfo(NamedTuple):
    """How values of one type are read.

    `base` is the type that has the methods to read them; `public` and `private` are slots (name, descriptor), `dict_of`
    is the descriptor of their `__dict__`. `hides_state` says that they have more state than these, in C. `identity` is
    the module and qualified name of a class of the program: two of its classes may have the same name.
    """

    name: str
    group: Group
    base: Any
    public: Slots
    private: Slots
    dict_of: Any
    hides_state: bool
    is_builtin: bool
    identity: str


_known: Final[dict[int, tuple[type, TypeInfo]]] = {}  # by id: a metaclass may define __hash__


def type_info(kind: type) -> TypeInfo:
    """What is known about `kind`."""
    known = _known.get(id(kind))
    if known is not None:
        return known[1]
    info = _type_info(kind)
    if len(_known) < _MOST_TYPES:
        _known[id(kind)] = kind, info
    return info


def root_of(kind: type) -> str:
    """The package of a type."""
    return _module_of(kind).partition(".")[0]


def _module_of(kind: type) -> str:
    try:
        module = type.__dict__["__module__"].__get__(kind)
    except AttributeError:
        return ""
    return module if type(module) is str else ""


def _identity(kind: type) -> str:
    """The module and qualified name; empty for types that are known by their name."""
    module = _module_of(kind)
    root = module.partition(".")[0]
    return "" if root in _KNOWN_ROOTS | _STANDARD | LIBRARIES else f"{module}.{_qualified_name(kind)}"


def fields_of(value: Any, info: TypeInfo) -> tuple[dict[str, Any], list[tuple[object, Any]]]:  # noqa: ANN401 - any value
    """The public fields of an object and its private ones, from its slots and `__dict__`."""
    public: dict[str, Any] = {}
    private: list[tuple[object, Any]] = []
    for name, slot in info.public:
        try:
            public[name] = slot.__get__(value)
        except AttributeError:
            continue  # an empty slot
    for name, slot in info.private:
        try:
            private.append((name, slot.__get__(value)))
        except AttributeError:
            continue
    own = info.dict_of and info.dict_of.__get__(value)
    if own:
        for key, item in dict.items(own):
            if type(key) is str and key[:1] != "_":
                public[key] = item
            else:
                private.append((key, item))
    return public, private


def record_names(kind: type) -> tuple[Any, ...]:
    """The names of the fields of a named tuple; empty if its class has something else in their place."""
    names = next((own["_fields"] for base in mro_of(kind) if "_fields" in (own := namespace_of(base))), ())
    return names if type(names) is tuple else ()


def _type_info(kind: type) -> TypeInfo:
    mro = mro_of(kind)
    members = [item for base in mro for item in namespace_of(base).items() if type(item[1]) is MemberDescriptorType]
    slots = [item for item in members if item[0] != "__dict__"]
    group, base = _group(kind, mro)
    own = (namespace_of(parent).get("__dict__") for parent in mro)
    own_slots = len(slots) + (_dict_offset(kind) > 0) + (_weak_offset(kind) > 0)
    return TypeInfo(
        _name(kind),
        group,
        base,
        tuple(slot for slot in slots if slot[0][:1] != "_"),
        tuple(slot for slot in slots if slot[0][:1] == "_"),
        next((member for member in own if type(member) in _DESCRIPTORS), None),
        bool(_item_size(kind)) or _size(kind) > _size(object) + _SLOT_SIZE * own_slots,
        root_of(kind) == "builtins",
        _identity(kind),
    )


def _group(kind: type, mro: tuple[type, ...]) -> tuple[Group, Any]:  # noqa: C901, PLR0911 - one line per group
    enum, collections = sys.modules.get("enum"), sys.modules.get("collections")
    if enum is not None and issubclass(kind, enum.Enum):
        return "enum", enum.Enum
    library = next((base for base in mro if root_of(base) in LIBRARIES), None)
    scalar = next((base for base in _SCALARS if issubclass(kind, base)), None)
    if scalar is not None:
        return "scalar", scalar
    if library is not None:
        return "library", library
    if issubclass(kind, tuple) and any("_fields" in namespace_of(base) for base in mro):
        return "record", tuple
    containers = (*CONTAINERS, collections.deque) if collections is not None else CONTAINERS
    if kind in VIEWS:
        return "container", kind
    for base in containers:
        if issubclass(kind, base):
            return "container", base
    for base in mro:
        root = root_of(base)
        if base is range or (
            root in _STANDARD and (base is kind or root in _IN_C) and "__repr__" in namespace_of(base)
        ):
            return "standard", base
        if base is memoryview or (root == "array" and base is not object):
            return "buffer", base
    if issubclass(kind, BaseException):
        return "exception", BaseException
    return ("type", type) if issubclass(kind, type) else ("object", object)

"""Reads values of built-in and standard types, and of their subclasses, without running code of the program."""

from typing import Any

from obs_core.capture.values.type_info import TypeInfo, root_of, type_info


def plain_scalar(value: Any, base: Any) -> Any:  # noqa: ANN401 - a scalar or an instance of a subclass
    """`value` as an instance of the built-in type `base` itself."""
    if type(value) is base:
        return value
    if base is int:
        return int.__int__(value)
    if base is float:
        return float.__float__(value)
    if base is complex:
        return complex(complex.real.__get__(value), complex.imag.__get__(value))
    if base is str:
        return str.__str__(value)
    return base.__getitem__(value, slice(None))


def enum_state(member: Any) -> object:  # noqa: ANN401 - a member of an Enum
    """The name of an enum's member; the value of a combination of flags without a name."""
    name = object.__getattribute__(member, "_name_")
    return name if name is not None else object.__getattribute__(member, "_value_")


def foreign_zone(value: Any, info: TypeInfo) -> object | None:  # noqa: ANN401 - a value of the standard library
    """The time zone of a datetime or time if its class is the program's."""
    if root_of(info.base) != "datetime" or not hasattr(info.base, "tzinfo"):
        return None
    zone: object = info.base.tzinfo.__get__(value)
    return None if zone is None or root_of(type(zone)) in ("datetime", "zoneinfo") else zone


def standard_text(value: Any, info: TypeInfo) -> str:  # noqa: ANN401 - a value of the standard library
    """The repr of a value of the standard library; of a time in a foreign zone without asking the zone."""
    zone = foreign_zone(value, info)
    if zone is None:
        return str(info.base.__repr__(value))
    times = ("year", "month", "day", "hour", "minute", "second", "microsecond", "fold")
    numbers = [getattr(info.base, name).__get__(value) for name in times if hasattr(info.base, name)]
    return f"{info.name}({', '.join(map(str, numbers))}, tzinfo=<{type_info(type(zone)).name}>)"

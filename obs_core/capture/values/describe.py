"""Describes a value by its type and text, within limits of size and time.

Plain data (numbers, short texts, small flat containers) is marshalled into the frame, which costs a fraction of its
`repr`; the drain makes the text later. All other values are described in the traced call.
"""

from collections.abc import Callable
from typing import Any, Final

from obs_core.capture.context import RECORDING, current
from obs_core.capture.signals import pass_on
from obs_core.capture.values.limits import rules
from obs_core.capture.values.secret_shapes import may_contain

FEW: Final = 16  # most entries of a container that is marshalled as plain data
_SHORT: Final = 200  # characters of a text inside such a container
_TOO_SHORT: Final = 4  # characters of a text that can't contain a name and a secret
_PAIR: Final = 2
_NUMBERS: Final = frozenset({float, int, bool, type(None)})
_SEQUENCES: Final = frozenset({list, tuple})
_name: Final = type.__dict__["__name__"].__get__
_loaded: Final[list[Callable[..., dict[str, Any]]]] = []


def encode_plain(value: Any, *, compared: bool = False) -> tuple[Any, dict[str, Any] | None]:  # noqa: ANN401, C901, PLR0911, PLR0912 - any value, one fast function
    """(`value`, None) if it is plain data, else (None, its description); `compared` for a reading of a series.

    Plain loops: `set(map(type, …))` and generators took three times as long for a dict of three.
    """
    kind = type(value)
    if kind in _NUMBERS:
        return value, None
    if kind is dict:
        if len(value) <= FEW and "value" not in value:  # {"name": "cookie", "value": …}
            harmless = rules.redaction.harmless
            for key, item in value.items():
                if type(key) is not str or (key not in harmless and rules.redaction.hides(key)):
                    break
                kind = type(item)
                if kind in _NUMBERS:
                    continue
                if kind is not str or len(item) > _SHORT:
                    break
                if not item.isalnum() and len(item) > _TOO_SHORT and may_contain(item):
                    break
            else:
                return value, None
    elif kind is str:
        if len(value) <= rules.cap:
            if value.isalnum() or not may_contain(value):
                return value, None
            text = _scrubbed(value) if may_contain(value) else value
            if compared and text != value:
                return None, {"type": "str", "text": text, "incomparable": True}
            return text, None
    elif kind in _SEQUENCES and len(value) <= FEW:
        for item in value:
            kind = type(item)
            if kind in _NUMBERS:
                continue
            if kind is not str or len(item) > _SHORT:
                break
            if not item.isalnum() and (item[:1] == "-" or may_contain(item)):
                break
        else:
            if len(value) != _PAIR or type(name := value[0]) is not str:
                return value, None
            if name in rules.redaction.harmless or not rules.redaction.hides(name):
                return value, None
    return None, _description(value, compared=compared)


def _scrubbed(text: str) -> str:
    token = current.set(RECORDING)  # as in `_description`
    try:
        return rules.redaction.scrubbed(text)
    finally:
        current.reset(token)


def _description(value: object, *, compared: bool) -> dict[str, Any]:
    """The description of a value that is not plain data.

    Traced functions that this calls (of `re`, an import hook) are not the program's calls.
    """
    load()
    if not compared:
        return _loaded[1](value)
    token = current.set(RECORDING)
    try:
        return _loaded[0](value)
    finally:
        current.reset(token)


def load() -> None:
    """Import what describes values that are not plain data, if it is not yet."""
    if not _loaded:
        token = current.set(RECORDING)  # an import hook of the program is not recorded: it would import again
        try:
            from obs_core.capture.values import summary  # noqa: PLC0415 - not with obs_core
        finally:
            current.reset(token)
        _loaded[:] = summary.description, summary.result_description


def describe(value: object) -> tuple[Any, dict[str, Any] | None]:
    """Like `encode_plain` for a reading of a series; never raises an Exception."""
    try:
        return encode_plain(value, compared=True)
    except BaseException as error:  # noqa: BLE001 - a container changed by another thread, a type with a wrong interface
        pass_on(error)
        return None, {**_not_described(value, error), "incomparable": True}


def describe_result(value: object) -> tuple[Any, dict[str, Any] | None]:
    """Like `encode_plain` for the result of a call, which is never compared; never raises an Exception."""
    try:
        return encode_plain(value)
    except BaseException as error:  # noqa: BLE001 - as above
        pass_on(error)
        return None, _not_described(value, error)


def _not_described(value: object, error: BaseException) -> dict[str, Any]:
    return {"type": _name(type(value)), "text": f"<not described: {type(error).__name__}>"}

"""The arguments of a call: recorded as values on request (`args=True`), and kept with every call that failed."""

from time import time_ns
from typing import Any, Final

from obs_core.capture.calls.call import SiteHandle, details_of_exception, emit_value, handle_of
from obs_core.capture.context import RECORDING, current
from obs_core.capture.lost_rows import report_lost_row
from obs_core.capture.spool.frames import CallSite
from obs_core.capture.values.describe import FEW, describe, encode_plain
from obs_core.capture.values.limits import redacted, rules
from obs_core.capture.values.redact import REDACTED
from obs_core.capture.values.type_info import type_info

ARGUMENT: Final = "obs.argument."
"""The prefix of the attributes that hold the arguments of a call that failed."""

_MOST: Final = 16  # arguments
_CHARACTERS: Final = 200
_NUMBERS: Final = frozenset({int, float, bool, type(None), complex})
_SHOWN: Final = _NUMBERS | {str}
_CONTAINERS: Final[frozenset[Any]] = frozenset({list, tuple, set, frozenset, dict})
_OWN: Final = frozenset({"self", "cls"})


def record_arguments(handle: SiteHandle, arguments: dict[str, Any]) -> None:
    """Record each argument of the running call as a value named `function.argument`; raises nothing of ours."""
    try:
        timestamp_ns = time_ns()
        for name, value in arguments.items():
            if name not in _OWN:
                site = CallSite("value", f"{handle.data}.{name}", handle.function, None, None)
                plain, details = redacted() if rules.redaction.hides(name) else describe(value)
                emit_value(handle_of(site), timestamp_ns, plain, details)
    except Exception as error:  # noqa: BLE001 - the traced program must not notice
        report_lost_row(error)


def argument_attributes(arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a call that failed as attributes of its row: short texts, redacted, in a few microseconds.

    Numbers, texts and small containers of them are shown, other values by their type: their fields would take 20-150 us
    for each call that an exception passes.
    """
    token = current.set(RECORDING)  # traced functions that this calls are not the program's calls
    try:
        texts = _texts_of(arguments)
    finally:
        current.reset(token)
    return {"attributes": texts} if texts else {}


def failure_details(error: BaseException, arguments: dict[str, Any]) -> dict[str, Any]:
    """The details of a call that raised `error`: what `describe_exception` and `argument_attributes` return."""
    token = current.set(RECORDING)  # as above
    try:
        details = details_of_exception(error)
        if texts := _texts_of(arguments):
            details["attributes"] = texts
    finally:
        current.reset(token)
    return details


def _texts_of(arguments: dict[str, Any]) -> dict[str, str]:
    texts: dict[str, str] = {}
    redaction = rules.redaction
    for name, value in arguments.items() if len(arguments) <= _MOST else list(arguments.items())[:_MOST]:
        if name not in _OWN:
            is_secret = name not in redaction.harmless and redaction.hides(name)
            texts[ARGUMENT + name] = REDACTED if is_secret else _short(value)
    return texts


def _short(value: Any) -> str:  # noqa: ANN401 - any argument
    kind = type(value)
    if kind is str:
        return value if len(value) <= _CHARACTERS and value.isalnum() else _cut(value)
    if kind in _NUMBERS:
        return (
            repr(value)
            if kind is not int or value.bit_length() < _CHARACTERS
            else f"<int of {value.bit_length()} bits>"
        )
    if kind is bytes:
        return _cut(repr(value[:_CHARACTERS]))
    if kind in _CONTAINERS:
        length = kind.__len__(value)
        if length <= FEW and all(type(item) in _SHOWN for item in (value.values() if kind is dict else value)):
            plain, details = encode_plain(value)
            return _cut(repr(plain) if details is None else str(details["text"]))
        return f"<{kind.__name__} of {length:,}>"
    return f"<{type_info(kind).name}>"


def _cut(text: str) -> str:
    """At most 200 characters; 256 more are scrubbed, so that no half of a secret stays at the cut."""
    scrubbed = rules.redaction.scrubbed(text[: _CHARACTERS + 256])
    return scrubbed if len(scrubbed) <= _CHARACTERS else scrubbed[: _CHARACTERS - 1] + "…"

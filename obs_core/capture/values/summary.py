"""Descriptions of values that are not plain data: fast, bounded, and without importing the libraries they come from.

A reading is described with a `Key`: what its text leaves out is added to it, so that two readings are equal only if
their values are. Results of calls are never compared, and have no key.
"""

from typing import Any, Final

from obs_core.capture.context import RECORDING, current
from obs_core.capture.signals import pass_on
from obs_core.capture.values import arrays
from obs_core.capture.values.allowance import allowance
from obs_core.capture.values.budget import Budget
from obs_core.capture.values.equality import Key
from obs_core.capture.values.limits import rules
from obs_core.capture.values.plain_parts import plain_scalar
from obs_core.capture.values.short_text import short_description
from obs_core.capture.values.type_info import VIEWS, TypeInfo, type_info
from obs_core.capture.values.value_text import ENTRIES, add_own_fields, scalar_text, text_of
from obs_core.system import perf_counter_ns

_SHOWN_BYTES: Final = 64


def description(value: object, *, compared: bool = True) -> dict[str, Any]:
    """The type and text of `value`, and how a reading is compared (see `Key.result`). Never raises an Exception."""
    kind = type(value)
    name = kind.__name__
    key = None
    try:
        info = type_info(kind)
        name = info.name
        budget = Budget(is_object=info.group == "object", compared=compared)
        key = budget.key
        text, length = _whole_text(value, info, budget)
    except Exception as error:  # noqa: BLE001 - foreign code may raise anything, and the program must not notice
        pass_on(error)
        text, length = f"<{name}: not described, {type(error).__name__}>", None
        if key is not None:
            key.fail()
    return {"type": name, **shown(text, key, length)}


def result_description(value: object) -> dict[str, Any]:
    """The type and text of a result; an object or container in short, or by its type, while an allowance is used up."""
    short = short_description(value)
    if short is not None:
        return short
    began = perf_counter_ns()
    token = current.set(RECORDING)  # traced functions that this calls (of `re`, an import hook) are not the program's
    try:
        return description(value, compared=False)
    finally:
        current.reset(token)
        now = perf_counter_ns()
        allowance.spend(now - began, now)


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
            budget.add_type(info.identity)
            add_own_fields(value, info, budget)
        if base is str:
            return plain, None
        if base is bytes or base is bytearray:
            return _bytes_text(plain, budget)
        return scalar_text(plain, base, budget), None
    if info.group == "library":
        text, length = arrays.text_of(value, info, nested=False) or (None, None)
        if text is not None:
            budget.leave_out(value)
            return text, length
    text = text_of(value, 0, budget)
    length = base.__len__(value) if info.group == "container" and base not in VIEWS else 0
    return text, length if length > ENTRIES else None


def _bytes_text(value: bytes | bytearray, budget: Budget) -> tuple[str, int | None]:
    text = repr(bytes(value[:_SHOWN_BYTES]))
    if len(value) <= _SHOWN_BYTES:
        return text, None
    budget.leave_out(value)
    return f"{text}… ({len(value):,} bytes)", len(value)

"""Which call is running here: the parent of whatever starts next, and the ids of both.

A context variable holds a `Running`, so parents follow await, tasks and threads that start with a copied context. Ids
follow W3C Trace Context level 2: the last seven bytes of a trace id (here eight) are random; the first are the time in
nanoseconds, because random ids halve the insert rate of the log.
"""

import os
import re
from collections.abc import Mapping, MutableMapping
from contextvars import ContextVar
from random import Random
from typing import Final, NamedTuple


class Running(NamedTuple):
    """The call that is running: the halves of its trace id, its span id (64 bits each), the function's full name."""

    trace_high: int
    trace_low: int
    span: int
    function: str | None


UNSAMPLED: Final = Running(0, 0, 0, None)
"""Stands for a call that sampling left out: nothing below it is recorded."""

current: Final[ContextVar[tuple[int, int, int, str | None] | None]] = ContextVar("obs_core_call", default=None)

_chance: Final = Random()  # noqa: S311 - ids need no cryptography; os.urandom costs 20 times as much
bits: Final = _chance.getrandbits
chance: Final = _chance.random

_TRACEPARENT: Final = r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?"
_HEADER: Final = "traceparent"
ENVIRONMENT: Final = "TRACEPARENT"


def current_trace_id() -> str | None:
    """The id of the running trace as 32 hexadecimal digits, or None outside of any."""
    running = current.get()
    return None if running is None or running is UNSAMPLED else f"{running[0]:016x}{running[1]:016x}"


def inject(carrier: MutableMapping[str, str] | None = None) -> MutableMapping[str, str]:
    """Put the running call into `carrier` (headers, or a copy of os.environ) so that what it reaches joins the trace.

    Writes `traceparent`, or `TRACEPARENT` where the carrier is an environment (it has a PATH, or is os.environ).
    Without a carrier a new dict is made. Returns the carrier, unchanged outside of any call.
    """
    carrier = {} if carrier is None else carrier
    running = current.get()
    if running is not None and running is not UNSAMPLED:
        name = ENVIRONMENT if carrier is os.environ or "PATH" in carrier else _HEADER
        carrier[name] = f"00-{running[0]:016x}{running[1]:016x}-{running[2]:016x}-01"
    return carrier


def extract(carrier: Mapping[str, str] | None = None) -> Running | None:
    """Make what starts next here a child of the call that `carrier` names; None where it names none.

    `carrier` are headers (names in any case) or an environment; by default this process's own environment.
    """
    remote = parsed(carrier)
    if remote:
        current.set(remote)
    return remote


def parsed(carrier: Mapping[str, str] | None = None) -> Running | None:
    """The call that `carrier` names by the W3C rules (level 2, section 3.2), or None if it is not valid."""
    facts = os.environ if carrier is None else carrier
    text = next((value for name, value in facts.items() if str(name).lower() == _HEADER), "")
    match = re.fullmatch(_TRACEPARENT, text.strip()) if text and isinstance(text, str) else None
    if not match:
        return None
    version, trace, span, _flags, more = match.groups()
    if version == "ff" or (version == "00" and more) or not int(trace, 16) or not int(span, 16):
        return None
    return Running(int(trace[:16], 16), int(trace[16:], 16), int(span, 16), None)


def _reseed() -> None:
    """A forked child would go on with its parent's ids, and rows of equal ids are one row."""
    _chance.seed()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reseed)

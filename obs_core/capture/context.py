"""The running call (the parent of the next one), and the generation and propagation of ids.

A context variable holds a `Running`, so parents follow await, tasks and threads that start in a copied context. Ids
follow W3C Trace Context level 2: the last seven bytes of a trace id (here eight) are random; the first are the time in
nanoseconds, because random ids halve the insert rate of the log.
"""

import os
import re
from collections.abc import Mapping, MutableMapping
from contextvars import ContextVar, Token
from random import Random
from typing import Final, NamedTuple


class Running(NamedTuple):
    """The running call: the two halves of its trace id, its span id (64 bits each), and the function's full name."""

    trace_high: int
    trace_low: int
    span: int
    function: str | None


UNSAMPLED: Final = Running(0, 0, 0, None)
"""A call that sampling left out: nothing below it is recorded."""
RECORDING: Final = Running(0, 0, 0, None)
"""Code of ours runs in this thread (see `reentry`). Like UNSAMPLED it has no span id."""

Parent = tuple[int, int, int, str | None] | None
current: Final[ContextVar[Parent]] = ContextVar("obs_core_call", default=None)

_random: Final = Random()  # noqa: S311 - ids need no cryptography; os.urandom costs 20 times as much
random_bits: Final = _random.getrandbits
random_share: Final = _random.random

_TRACEPARENT: Final = r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?"
_HEADER: Final = "traceparent"
_UNSIGNED: Final = (1 << 64) - 1
ENVIRONMENT: Final = "TRACEPARENT"


def current_trace_id() -> str | None:
    """The id of the running trace as 32 hexadecimal digits, or None outside a trace."""
    running = current.get()
    return None if running is None or not running[2] else _trace_id(running)


def inject(carrier: MutableMapping[str, str] | None = None) -> MutableMapping[str, str]:
    """Put the running call into `carrier` (headers, or a copy of os.environ), so that the receiver joins the trace.

    Writes `traceparent`, or `TRACEPARENT` if the carrier is an environment (it has a PATH, or is os.environ).
    Without a carrier a new dict is made. Returns the carrier, unchanged outside a call.
    """
    carrier = {} if carrier is None else carrier
    running = current.get()
    if running is not None and running[2]:
        name = ENVIRONMENT if carrier is os.environ or "PATH" in carrier else _HEADER
        carrier[name] = f"00-{_trace_id(running)}-{running[2]:016x}-01"
    return carrier


def _trace_id(running: tuple[int, int, int, str | None]) -> str:
    """The trace id as 32 hexadecimal digits; a clock before 1970 makes the first half negative."""
    return f"{running[0] & _UNSIGNED:016x}{running[1]:016x}"


def extract(carrier: Mapping[str, str] | None = None) -> Running | None:
    """Make the call in `carrier` the parent of what starts next; return it, or None without a valid one.

    `carrier` is headers (names in any case) or an environment; by default this process's own environment. Without a
    valid call, the one that an earlier `extract` set here is forgotten: requests of one thread don't share a trace.
    """
    remote = parse_traceparent(carrier)
    if remote or type(current.get()) is Running:
        current.set(remote)
    return remote


class extracted:  # noqa: N801 - used like a function: with extracted(headers):
    """`with extracted(headers):` makes the call in the headers the parent, until the end of the block.

    Without a valid call in `carrier` the block starts a trace of its own.
    """

    __slots__ = ("_remote", "_token")

    def __init__(self, carrier: Mapping[str, str]) -> None:
        """Read the headers, or an environment."""
        self._remote = parse_traceparent(carrier)

    def __enter__(self) -> Running | None:
        """Make the call the parent; return it, or None without a valid one."""
        self._token = current.set(self._remote)
        return self._remote

    def __exit__(self, *_error: object) -> None:
        """Make the parent from before the parent again."""
        restore(self._token, self._remote)

    async def __aenter__(self) -> Running | None:
        """Make the call the parent; return it, or None without a valid one."""
        return self.__enter__()

    async def __aexit__(self, *_error: object) -> None:
        """Make the parent from before the parent again."""
        self.__exit__()


def restore(token: Token[Parent], left: Parent) -> None:
    """Make the parent from before `token` the parent again, after `left`.

    A span or a generator may be entered in one context and left in another, which then has the variable as it was when
    the context was copied: with `left` or without. And `token` may have been used.
    """
    try:
        current.reset(token)
    except (ValueError, RuntimeError):
        if current.get() is RECORDING or (left is not None and current.get() == left):
            current.set(None if token.old_value is Token.MISSING else token.old_value)


def parse_traceparent(carrier: Mapping[str, str] | None = None) -> Running | None:
    """The call in the `traceparent` of `carrier` (W3C Trace Context level 2, 3.2), or None if it is not valid."""
    carrier = os.environ if carrier is None else carrier
    text = next((value for name, value in carrier.items() if str(name).lower() == _HEADER), "")
    match = re.fullmatch(_TRACEPARENT, text.strip()) if text and isinstance(text, str) else None
    if not match:
        return None
    version, trace, span, _flags, more = match.groups()
    if version == "ff" or (version == "00" and more) or not int(trace, 16) or not int(span, 16):
        return None
    return Running(int(trace[:16], 16), int(trace[16:], 16), int(span, 16), None)


def _reseed() -> None:
    """Reseed in a forked child: with the parent's ids, its rows would be taken for the same calls."""
    _random.seed()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reseed)

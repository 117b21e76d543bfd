"""The running call (the parent of the next one), and the generation and propagation of ids.

A context variable holds a `Running`, so parents follow await, tasks and threads that start in a copied context. Ids
follow W3C Trace Context level 2: the last seven bytes of a trace id (here eight) are random; the first are the time in
nanoseconds, because random ids halve the insert rate of the log.
"""

import os
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from contextvars import ContextVar, Token
from random import Random
from typing import Final, NamedTuple

from obs_core.capture.propagation import NAMES, NOTHING, TRACEPARENT, TRACESTATE, Headers, read


class Running(NamedTuple):
    """The running call: the two halves of its trace id, its span id (64 bits each), and the function's full name."""

    trace_high: int
    trace_low: int
    span: int
    function: str | None


class Remote(Running):
    """A call of another process with its baggage, which the first call below it records.

    Like UNSAMPLED it has no span id, which is in `call`: the fast path of traced functions looks at nothing else, and
    asks what to do (`TracedFunction.without_parent`).
    """

    call: Running
    _baggage: list[dict[str, str]]

    @classmethod
    def of(cls, call: Running, baggage: dict[str, str]) -> "Remote":
        """The remote `call` with the members of its `baggage` (see `propagation.Headers`)."""
        remote = cls(call.trace_high, call.trace_low, 0, None)
        remote.call = call
        remote._baggage = [baggage]
        return remote

    def take(self) -> dict[str, str] | None:
        """The members of the baggage for the first who asks, in any thread; None for all others."""
        try:
            return self._baggage.pop()
        except IndexError:
            return None


UNSAMPLED: Final = Running(0, 0, 0, None)
"""A call that sampling left out: nothing below it is recorded."""
RECORDING: Final = Running(0, 0, 0, None)
"""Code of ours runs in this thread (see `reentry`). Like UNSAMPLED it has no span id."""

Parent = tuple[int, int, int, str | None] | None
current: Final[ContextVar[Parent]] = ContextVar("obs_core_call", default=None)

_random: Final = Random()  # noqa: S311 - ids need no cryptography; os.urandom costs 20 times as much
random_bits: Final = _random.getrandbits
random_share: Final = _random.random

_UNSIGNED: Final = (1 << 64) - 1

_headers: Final[ContextVar[Headers]] = ContextVar("obs_core_headers", default=NOTHING)
"""The headers that are passed on from here; the call in them is the one that `extract` set."""
_inherited: Final = {name.upper(): os.environ.get(name.upper()) for name in NAMES}
"""The variables of this process, which a copy of its environment has, too."""


def call_of(running: Parent) -> Parent:
    """`running` with the ids that calls below it have."""
    return running.call if type(running) is Remote else running


def current_trace_id() -> str | None:
    """The id of the running trace as 32 hexadecimal digits, or None outside a trace."""
    running = call_of(current.get())
    return None if running is None or not running[2] else _trace_id(running)


def inject(carrier: MutableMapping[str, str] | None = None) -> MutableMapping[str, str]:
    """Put the running call into `carrier` (headers, or a copy of os.environ), so that the receiver joins the trace.

    Writes `traceparent`, and passes on the `tracestate` and `baggage` that `extract` read; in upper case if the carrier
    is an environment (it has a PATH, or is os.environ). Without a carrier a new dict is made. Returns the carrier,
    unchanged outside a call and without baggage.
    """
    carrier = {} if carrier is None else carrier
    with suppress(Exception):  # the carrier is an object of the program, with any code
        _inject(carrier)
    return carrier


def _inject(carrier: MutableMapping[str, str]) -> None:
    running = call_of(current.get())
    headers = _headers.get()
    fields = headers.fields()
    if running is None or not running[2] or headers.ids is None or headers.ids[:2] != running[:2]:
        fields.pop(TRACESTATE, None)  # it belongs to another trace
    if running is not None and running[2]:
        fields[TRACEPARENT] = f"00-{_trace_id(running)}-{running[2]:016x}-01"
    if carrier is not os.environ and "PATH" not in carrier:
        carrier.update(fields)
    elif fields:
        for name, text in _inherited.items():  # what this call does not pass on is not the child's either
            if text is not None and carrier.get(name) == text:
                del carrier[name]
        carrier.update((name.upper(), text) for name, text in fields.items())


def _trace_id(running: tuple[int, int, int, str | None]) -> str:
    """The trace id as 32 hexadecimal digits; a clock before 1970 makes the first half negative."""
    return f"{running[0] & _UNSIGNED:016x}{running[1]:016x}"


def extract(carrier: Mapping[str, str] | None = None) -> Running | None:
    """Make the call in `carrier` the parent of what starts next; return it, or None without a valid one.

    `carrier` is headers (names in any case) or an environment; by default this process's own environment. Without a
    valid call, the one that an earlier `extract` set here is forgotten: requests of one thread don't share a trace.
    The first call below it gets the baggage as attributes; `inject` passes on `tracestate` and `baggage`.
    """
    headers = read(os.environ if carrier is None else carrier)
    remote = _parent_in(headers)
    running = current.get()
    if remote or (isinstance(running, Running) and running is not UNSAMPLED and running is not RECORDING):
        current.set(remote)
    if headers != _headers.get():  # a second variable in a context made Python 3.11 crash (docs/capture.md)
        _headers.set(headers)
    return _call_in(remote)


def _parent_in(headers: Headers) -> Running | None:
    if headers.ids is None:
        return None
    call = Running(*headers.ids, None)
    return Remote.of(call, headers.baggage) if headers.baggage else call


def _call_in(remote: Running | None) -> Running | None:
    return remote.call if type(remote) is Remote else remote


class extracted:  # noqa: N801 - used like a function: with extracted(headers):
    """`with extracted(headers):` makes the call in the headers the parent, until the end of the block.

    Without a valid call in `carrier` the block starts a trace of its own.
    """

    __slots__ = ("_before", "_headers", "_remote", "_token")

    def __init__(self, carrier: Mapping[str, str]) -> None:
        """Read the headers, or an environment."""
        self._headers = read(carrier)
        self._remote = _parent_in(self._headers)

    def __enter__(self) -> Running | None:
        """Make the call the parent; return it, or None without a valid one."""
        self._token = current.set(self._remote)
        self._before = _headers.set(self._headers)
        return _call_in(self._remote)

    def __exit__(self, *_error: object) -> None:
        """Make the parent from before the parent again."""
        restore(self._token, self._remote)
        try:
            _headers.reset(self._before)
        except (ValueError, RuntimeError):  # as in `restore`
            if _headers.get() is self._headers:
                before = self._before.old_value
                _headers.set(NOTHING if before is Token.MISSING else before)

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


def _reseed() -> None:
    """Reseed in a forked child: with the parent's ids, its rows would be taken for the same calls."""
    _random.seed()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reseed)

"""Issues: exceptions by what raised them. An exception that passes several calls on its way up is one exception.

The kind of an exception is its type, and the innermost location in the program's own code in its stack.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

_TYPE: Final = re.compile(r"([A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)*)(?::|$)")
_PYTHON: Final = re.compile(r'^\s*File "([^"\n]+)", line \d+, in (.+)$', re.MULTILINE)
_OTHERS: Final = re.compile(r"^\s*at (?:async )?([^\s(]+)?.*?\(?([^()\s]+?)(?::\d+)*\)?$", re.MULTILINE)
_FOREIGN: Final = re.compile(
    r"[/\\](?:site|dist)-packages[/\\]|[/\\]lib[/\\]python\d|^<|node_modules|^node:"
    r"|^(?:java|javax|jdk|sun|org\.springframework|org\.apache|io\.netty|reactor)\."
)
MAX_TITLE: Final = 200
_VARYING: Final = re.compile(
    r"""'[^'\n]*' | "[^"\n]*" | \b0x[0-9a-fA-F]+ | \b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b
      | \b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b | (?<![A-Za-z_])[+-]?\d+(?:[.:,]\d+)*""",
    re.VERBOSE,
)
_LONG_STACK: Final = 4_000


class Failure(NamedTuple):
    """The kind of a failure. `type` is empty if the text has none, `location` without a stack."""

    type: str
    location: str


@lru_cache(maxsize=4096)
def failure(exception: str, stack: str) -> Failure:
    """The kind of the failure described by `exception` (`Type: message`) and `stack`."""
    match = _TYPE.match(exception)
    return Failure(match[1] if match else "", _location(stack))


def _location(stack: str) -> str:
    """`file in function` of the innermost frame that is not in a library; if all are, of the innermost frame."""
    if frames := [(path, f"{_last(path)} in {name}") for path, name in _PYTHON.findall(stack)]:
        frames.reverse()  # Python prints the innermost last
    else:
        frames = [(f"{name} {path}", f"{_last(path)} in {name}") for name, path in _OTHERS.findall(stack) if name]
    own = (location for path, location in frames if not _FOREIGN.search(path))
    return next(own, frames[0][1] if frames else "")


def _last(path: str) -> str:
    return re.split(r"[/\\]", path)[-1]


class FailedCall(NamedTuple):
    """A failed call as far as its issue depends on it; an unknown text is empty."""

    trace_id: str
    span_id: str
    parent_span_id: str
    function: str
    exception: str
    stack: str


class Issue(NamedTuple):
    """What makes exceptions the same issue: type and raising frame; without a stack, function and message."""

    type: str
    location: str
    title: str


def issue_of(call: FailedCall) -> Issue:
    """The issue of an exception, by the call that raised it.

    The title is the text without what varies. Exceptions with a stack are one issue whatever their text: the title in
    their issue is then empty, see `title_of`.
    """
    kind = failure(call.exception, call.stack)
    return Issue(kind.type, kind.location or call.function, "" if kind.location else title_of(call.exception))


def title_of(exception: str) -> str:
    """The text of an exception with “…” for numbers, ids and quoted texts."""
    first_line = exception.strip().partition("\n")[0]
    return _VARYING.sub("…", first_line[: 2 * MAX_TITLE])[:MAX_TITLE]


def origins(calls: Sequence[FailedCall]) -> list[int]:
    """For each call, the index of the call that raised its exception: itself, or a call below it in the same trace.

    An exception came from below if a call that this one made failed with the same text, or this one has no text.
    """
    below: dict[tuple[str, str], list[int]] = {}
    for index, call in enumerate(calls):
        if call.trace_id and call.parent_span_id and call.parent_span_id != call.span_id:
            below.setdefault((call.trace_id, call.parent_span_id), []).append(index)
    known: dict[int, int] = {}
    for start in range(len(calls)):
        path, index = [], start
        while index not in known and index not in path:
            path.append(index)
            call = calls[index]
            made = below.get((call.trace_id, call.span_id), ()) if call.span_id else ()
            index = next((i for i in made if call.exception in ("", calls[i].exception)), index)
        origin = known.get(index, index)
        known.update(dict.fromkeys(path, origin))
    return [known[index] for index in range(len(calls))]


def excerpt(exception: str | None, stack: str | None) -> tuple[str, str]:
    """The parts of an exception and its stack by which its issue is known, as `overview/exceptions.sql` reads them.

    SQLite's texts end at a NUL where it counts their characters.
    """
    exception, stack = exception or "", stack or ""
    text = stack.partition("\0")[0]
    short = f"{text[:1_000]}\n{text[-3_000:]}" if len(text) > _LONG_STACK else stack
    return exception.partition("\0")[0][:500], short

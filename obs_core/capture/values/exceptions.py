"""Describes an exception: its type, message and stack frames, without reading source files."""

from collections import deque
from types import TracebackType
from typing import Final

from obs_core.capture.context import UNSAMPLED, current
from obs_core.capture.values.limits import rules
from obs_core.capture.values.repr_timeout import repr_with_timeout

_FRAMES_PER_END: Final = 30  # stack frames kept at either end of a traceback
_MOST_LINKS: Final = 5
_CAUSE: Final = "The above exception was the direct cause of the following exception:"
_CONTEXT: Final = "During handling of the above exception, another exception occurred:"
_MESSAGE_CAP: Final = 2000

StackFrame = tuple[str, int, str]
Link = tuple[str, str, list[StackFrame]]
_end_of: Final[list[tuple[int, list[StackFrame]]]] = [(0, [])]


def exception_details(error: BaseException) -> dict[str, object]:
    """The details of a frame for a call that raised `error`."""
    return {"status": "ERROR", "result": False, "exception": type_and_message(error), "stack": exception_chain(error)}


def type_and_message(error: BaseException) -> str:
    """`Type: message`, redacted and cut to 2,000 characters; the type alone without a message."""
    kind = type(error)
    token = current.set(UNSAMPLED)  # a traced __str__ is not a call of the program
    try:
        message = repr_with_timeout(lambda: str(error), None if kind.__str__ is BaseException.__str__ else kind)
    finally:
        current.reset(token)
    if len(message) > _MESSAGE_CAP:
        message = message[: _MESSAGE_CAP - 1] + "…"
    return f"{kind.__qualname__}: {rules.redaction.scrubbed(message)}" if message else kind.__qualname__


def exception_chain(error: BaseException) -> list[Link]:
    """The error and its causes, oldest first: (introduction, last line, stack frames of file, line and function)."""
    links: list[Link] = []
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen and len(links) < _MOST_LINKS:
        seen.add(id(link))
        cause = link.__cause__
        before = cause or (None if link.__suppress_context__ else link.__context__)
        introduction = "" if before is None else _CAUSE if cause is not None else _CONTEXT
        module = type(link).__module__
        last = type_and_message(link) if module in ("builtins", "__main__") else f"{module}.{type_and_message(link)}"
        links.append((introduction, last, _frames(link)))
        link = before
    return links[::-1]


def _frames(error: BaseException) -> list[StackFrame]:
    """The stack frames of `error`, outermost first; of a deep recursion the first and last 30.

    Each traced call that the error passes needs them: the last ones are cached, so that a recursion of 1,000 calls is
    not walked 1,000 times from end to end.
    """
    first: list[StackFrame] = []
    traceback = error.__traceback__
    while traceback is not None and len(first) < _FRAMES_PER_END:
        _add(first, traceback)
        traceback = traceback.tb_next
    if traceback is None:
        _end_of[0] = (id(error), first[-_FRAMES_PER_END:])
        return first
    known, last = _end_of[0]
    if known != id(error):
        tail: deque[StackFrame] = deque(maxlen=_FRAMES_PER_END)
        while traceback is not None:
            _add(tail, traceback)
            traceback = traceback.tb_next
        last = list(tail)
        _end_of[0] = (id(error), last)
    return [*first, ("…", 0, "(frames left out)"), *last]


def _add(frames: "list[StackFrame] | deque[StackFrame]", traceback: TracebackType) -> None:
    code = traceback.tb_frame.f_code
    if not code.co_filename.startswith(_OWN):
        frames.append((code.co_filename, traceback.tb_lineno or 0, code.co_qualname))


_OWN: Final = __file__.rpartition("/values/")[0] + "/"  # the folder of capture: our own stack frames

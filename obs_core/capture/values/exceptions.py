"""Describes an exception: its type, message and stack frames, without reading source files."""

from collections import deque
from collections.abc import Iterator
from itertools import chain, islice
from typing import Any, Final

from obs_core.capture.context import RECORDING, current
from obs_core.capture.values.limits import rules
from obs_core.capture.values.repr_timeout import text_in_this_thread

_FRAMES_PER_END: Final = 30  # stack frames kept at either end of a traceback
_MOST_LINKS: Final = 5
_BARE: Final = ("builtins", "__main__")  # modules that are not part of the name of an exception
_MANY: Final = 100
_CAUSE: Final = "The above exception was the direct cause of the following exception:"
_CONTEXT: Final = "During handling of the above exception, another exception occurred:"
_MESSAGE_CAP: Final = 2000
_LARGE: Final = 64 * 1024  # characters: with a larger argument, the text of an exception is not made by its own code
STACK_CAP: Final = 256 * 1024  # characters of a stack that another library made

StackFrame = tuple[str, int, str]
Link = tuple[str, str, list[StackFrame]]
_end_of: Final[list[tuple[int, list[StackFrame]]]] = [(0, [])]


def exception_details(error: BaseException) -> dict[str, object]:
    """The details of a frame for a call that raised `error`."""
    chain = exception_chain(error)
    module = type(error).__module__
    last = chain[-1][1]  # its text is made once: that may run code of the program
    exception = last if module in _BARE else last.removeprefix(f"{module}.")
    return {"status": "ERROR", "result": False, "exception": exception, "stack": chain}


def type_and_message(error: BaseException) -> str:
    """`Type: message`, redacted and cut to 2,000 characters; the type alone without a message."""
    kind = type(error)
    message = bounded(_message(error, kind))
    return f"{kind.__qualname__}: {message}" if message else kind.__qualname__


def bounded(text: str, cap: int = _MESSAGE_CAP) -> str:
    """`text` cut to `cap` characters and redacted, in time that does not depend on its length."""
    if len(text) <= cap:
        return rules.redaction.scrubbed(text)
    # 256 characters more than the cap are scrubbed, so that no half of a secret stays at the cut
    return rules.redaction.scrubbed(text[: cap + 256])[: cap - 1] + "…"


def _message(error: BaseException, kind: type[BaseException]) -> str:
    """The text of an exception, which is not made whole if it would be very long."""
    arguments: tuple[Any, ...] = BaseException.args.__get__(error)  # type: ignore[attr-defined]
    only: Any = arguments[0] if len(arguments) == 1 else None
    is_plain = kind.__str__ is BaseException.__str__
    if is_plain and not arguments:
        return ""
    if is_plain and issubclass(type(only), str):
        return str.__getitem__(only, slice(2 * _MESSAGE_CAP))
    if kind is KeyError and type(only) is str and len(only) <= _MESSAGE_CAP:
        return repr(only)
    if any(map(_is_large, arguments)):
        return description_of(only if len(arguments) == 1 else arguments)
    token = current.set(RECORDING)  # a traced __str__ is not a call of the program
    try:
        return text_in_this_thread(lambda: str(error), None if is_plain else kind)
    finally:
        current.reset(token)


def description_of(value: object) -> str:
    """The bounded text of an argument of an exception."""
    from obs_core.capture.values.summary import description  # noqa: PLC0415 - few programs need it

    return str(description(value, compared=False)["text"])


def _is_large(argument: object) -> bool:
    """Whether the text of an argument may be very long: a long text or container, an array."""
    kind = type(argument)
    if issubclass(kind, str | bytes | bytearray):
        return _length(argument) > _LARGE
    if kind in (list, tuple, dict, set, frozenset):
        length = len(argument)  # type: ignore[arg-type]
        return length > _MANY or any(map(_is_large_text, islice(_entries(argument), _MANY)))
    return issubclass(kind, int) and int.bit_length(argument) > _LARGE  # type: ignore[arg-type]


def _length(text: Any) -> int:  # noqa: ANN401 - a text, bytes or an instance of a subclass
    base = next(base for base in (str, bytes, bytearray) if issubclass(type(text), base))
    return base.__len__(text)


def _entries(container: Any) -> Iterator[object]:  # noqa: ANN401 - a built-in container
    return chain(container, container.values()) if type(container) is dict else iter(container)


def _is_large_text(entry: object) -> bool:
    """Whether an entry of a container is long, or a container again."""
    kind = type(entry)
    if issubclass(kind, str | bytes | bytearray):
        return _length(entry) > _LARGE // _MANY
    return kind in (list, tuple, dict, set, frozenset)


# past attributes of the same name that a class of the program defines
_cause: Final[Any] = BaseException.__dict__["__cause__"].__get__
_context: Final[Any] = BaseException.__dict__["__context__"].__get__
_suppress_context: Final[Any] = BaseException.__dict__["__suppress_context__"].__get__
_traceback: Final[Any] = BaseException.__dict__["__traceback__"].__get__
_module: Final[Any] = type.__dict__["__module__"].__get__


def exception_chain(error: BaseException) -> list[Link]:
    """The error and its causes, oldest first: (introduction, last line, stack frames of file, line and function)."""
    links: list[Link] = []
    seen: set[int] | None = None
    link: BaseException | None = error
    while link is not None:
        cause = _cause(link)
        before = cause if cause is not None else None if _suppress_context(link) else _context(link)
        introduction = "" if before is None else _CAUSE if cause is not None else _CONTEXT
        module = _module(type(link))
        last = type_and_message(link) if module in _BARE else f"{module}.{type_and_message(link)}"
        links.append((introduction, last, _frames(link)))
        if before is None:
            break
        seen = seen or set()
        seen.add(id(link))
        link = before if id(before) not in seen and len(links) < _MOST_LINKS else None
    links.reverse()
    return links


def _frames(error: BaseException) -> list[StackFrame]:
    """The stack frames of `error`, outermost first; of a deep recursion the first and last 30.

    Each traced call that the error passes needs them: the last ones are cached, so that a recursion of 1,000 calls is
    not walked 1,000 times from end to end.
    """
    first: list[StackFrame] = []
    traceback = _traceback(error)
    for _ in range(_FRAMES_PER_END):
        if traceback is None:
            break
        code = traceback.tb_frame.f_code
        if code.co_filename[:_OWN_LENGTH] != _OWN:
            first.append((code.co_filename, traceback.tb_lineno or 0, code.co_qualname))
        traceback = traceback.tb_next
    if traceback is None:
        _end_of[0] = id(error), first
        return first
    known, last = _end_of[0]
    if known != id(error):
        tail: deque[StackFrame] = deque(maxlen=_FRAMES_PER_END)
        while traceback is not None:
            code = traceback.tb_frame.f_code
            if code.co_filename[:_OWN_LENGTH] != _OWN:
                tail.append((code.co_filename, traceback.tb_lineno or 0, code.co_qualname))
            traceback = traceback.tb_next
        last = list(tail)
        _end_of[0] = (id(error), last)
    return [*first, ("…", 0, "(frames left out)"), *last]


_OWN: Final = __file__.rpartition("/values/")[0] + "/"  # the folder of capture: our own stack frames
_OWN_LENGTH: Final = len(_OWN)

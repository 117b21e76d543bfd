"""What is recorded of an exception: its type and message, and the frames it passed, without reading source files."""

from types import TracebackType
from typing import Final

from obs_core.capture.describe import rules

_MOST_FRAMES: Final = 60
_MOST_LINKS: Final = 5
_CAUSE: Final = "The above exception was the direct cause of the following exception:"
_CONTEXT: Final = "During handling of the above exception, another exception occurred:"
_MESSAGE_CAP: Final = 2000

Link = tuple[str, str, list[tuple[str, int, str]]]


def failed(error: BaseException) -> dict[str, object]:
    """The part of an event that says how a call failed."""
    return {"status": "ERROR", "result": False, "exception": sentence(error), "stack": chain(error)}


def sentence(error: BaseException) -> str:
    """`Type: message`, scrubbed and within its cap; the type alone where there is no message."""
    name = type(error).__qualname__
    try:
        message = str(error)
    except Exception as second:  # noqa: BLE001 - a broken __str__ must not hide the error
        message = f"<str raised {type(second).__name__}>"
    if len(message) > _MESSAGE_CAP:
        message = message[: _MESSAGE_CAP - 1] + "…"
    return f"{name}: {rules.redaction.scrubbed(message)}" if message else name


def chain(error: BaseException) -> list[Link]:
    """The error and what led to it, oldest first: (introduction, last line, frames as file, line and function)."""
    links: list[Link] = []
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen and len(links) < _MOST_LINKS:
        seen.add(id(link))
        cause = link.__cause__
        before = cause or (None if link.__suppress_context__ else link.__context__)
        introduction = "" if before is None else _CAUSE if cause is not None else _CONTEXT
        module = type(link).__module__
        last = sentence(link) if module in ("builtins", "__main__") else f"{module}.{sentence(link)}"
        links.append((introduction, last, _frames(link.__traceback__)))
        link = before
    return links[::-1]


def _frames(traceback: TracebackType | None) -> list[tuple[str, int, str]]:
    frames: list[tuple[str, int, str]] = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if not code.co_filename.startswith(_OWN):
            frames.append((code.co_filename, traceback.tb_lineno or 0, code.co_qualname))
        traceback = traceback.tb_next
    if len(frames) > _MOST_FRAMES:  # a recursion: its first and last steps tell it
        half = _MOST_FRAMES // 2
        return [*frames[:half], ("…", len(frames) - 2 * half, "(frames left out)"), *frames[-half:]]
    return frames


_OWN: Final = __file__.rpartition("/")[0] + "/"

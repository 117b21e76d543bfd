"""The kind of an exception: its type, and the innermost location in the program's own code in its stack."""

import re
from functools import lru_cache
from typing import Final, NamedTuple

_TYPE: Final = re.compile(r"([A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)*)(?::|$)")
_PYTHON: Final = re.compile(r'^\s*File "([^"\n]+)", line \d+, in (.+)$', re.MULTILINE)
_OTHERS: Final = re.compile(r"^\s*at (?:async )?([^\s(]+)?.*?\(?([^()\s]+?)(?::\d+)*\)?$", re.MULTILINE)
_FOREIGN: Final = re.compile(
    r"[/\\](?:site|dist)-packages[/\\]|[/\\]lib[/\\]python\d|^<|node_modules|^node:"
    r"|^(?:java|javax|jdk|sun|org\.springframework|org\.apache|io\.netty|reactor)\."
)


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

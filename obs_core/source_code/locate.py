"""Where the source of a function comes from: what the log recorded, and how the file stands to it today.

The recorded source is the truth. A file is looked at only if it lies under an allowed root, and shown only if its hash
fits what ran; a path never comes from a link.
"""

import hashlib
import inspect
import io
import os
import stat
import tokenize
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from obs_core.source_code.highlight import lines_of

LARGEST_FILE: Final = 5_000_000
"""Bytes; a longer file is no source that somebody wrote."""

State = Literal[
    "as on disk", "moved", "changed on disk since", "file is gone", "recorded", "read from disk", "not recorded"
]


@dataclass(frozen=True, slots=True)
class Located:
    """The source to show, or None and why; `line` is its first line, `state` a badge, `sentence` what it means."""

    source: str | None
    file: str | None
    line: int
    state: State
    sentence: str


def located(file: str | None, line: int | None, source: str | None, source_hash: str, roots: Sequence[Path]) -> Located:
    """The source of what ran as `file`, `line`, `source` (None: not recorded) and `source_hash` (SHA-256 hex) say."""
    text = _file_text(file, roots) if file else None
    if source is None:
        return _from_disk(file, line, source_hash, text)
    state, sentence = _compared(source, line or 1, file, text, roots)
    return Located(source, file, line or 1, state, sentence)


def digest(source: str) -> str:
    """The hash by which the log knows a source: SHA-256 of its UTF-8, in hex."""
    return hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()


def is_allowed(file: str, roots: Sequence[Path]) -> bool:
    """Whether `file`, its links followed, lies under one of `roots`."""
    try:
        real = Path(file).resolve()
        return any(real.is_relative_to(root.resolve()) for root in roots)
    except (OSError, ValueError, RuntimeError):
        return False


def _compared(source: str, line: int, file: str | None, text: str | None, roots: Sequence[Path]) -> tuple[State, str]:
    """How the recorded source stands to the file today."""
    if file is None or text is None:
        return _unread(file, roots)
    now, then = lines_of(text), lines_of(source)
    if now[line - 1 : line - 1 + len(then)] == then:
        return "as on disk", "What ran is what stands in the file now."
    starts = (at for at, first in enumerate(now) if first == then[0] and now[at : at + len(then)] == then)
    if (at := next(starts, None)) is not None:
        return "moved", f"What ran stands in the file now, from line {at + 1:,}."
    return "changed on disk since", "What ran is shown; the file has been changed since."


def _unread(file: str | None, roots: Sequence[Path]) -> tuple[State, str]:
    """Why the file was not held against the recorded source."""
    if file is None:
        return "recorded", "As the log recorded it; the file is not known."
    if not is_allowed(file, roots):
        return "recorded", "As the log recorded it; the file lies outside the folders this dashboard may read."
    if Path(file).exists():
        return "recorded", "As the log recorded it; the file can't be read now."
    return "file is gone", "As the log recorded it; the file is no longer there."


def _from_disk(file: str | None, line: int | None, source_hash: str, text: str | None) -> Located:
    """The block at `line` of the file, if its hash is that of what ran."""
    block = _block(text, line) if text is not None and line else None
    if block is not None and source_hash == digest(block):
        return Located(block, file, line or 1, "read from disk", "Not in the log; read from the file, whose hash fits.")
    if file is None:
        sentence = (
            "The log holds no source for this function: functions written in C, spans of other languages and of"
            " OpenTelemetry bring none."
        )
    elif file.startswith("<") and file.endswith(">"):
        sentence = "It was made at run time, by a template or exec: no file holds its source."
    elif block is not None and source_hash:
        sentence = "The log holds no source for this function, and the file has been changed since it ran."
    else:
        sentence = "The log holds no source for this function, only where it stands."
    return Located(None, file, line or 1, "not recorded", sentence)


def _block(text: str, line: int) -> str | None:
    """The definition that begins at `line`, or None where there is none."""
    lines = [f"{each}\n" for each in lines_of(text)][line - 1 :]
    try:
        return "".join(inspect.getblock(lines)) if lines else None
    except (SyntaxError, tokenize.TokenError):
        return None


def _file_text(file: str, roots: Sequence[Path]) -> str | None:
    """The text of `file` if it is a readable regular file under `roots`, bad bytes replaced; else None."""
    if not is_allowed(file, roots):
        return None
    try:
        handle = os.open(Path(file).resolve(), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode) or facts.st_size > LARGEST_FILE:
            return None
        with os.fdopen(handle, "rb", closefd=False) as opened:
            raw = opened.read(LARGEST_FILE)
    finally:
        os.close(handle)
    return raw.decode(_encoding(raw), "replace")


def _encoding(raw: bytes) -> str:
    """The encoding that the file declares (PEP 263), else UTF-8."""
    try:
        return tokenize.detect_encoding(io.BytesIO(raw).readline)[0]
    except (SyntaxError, LookupError):
        return "utf-8"

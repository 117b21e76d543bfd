"""Locates the source of a function: what the log recorded, and whether the file still matches it.

The recorded source is authoritative. A file is read only if it is below an allowed root, and shown only if its hash
matches what ran; a path never comes from a link.
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

from obs_core.capture.values.limits import rules
from obs_core.source_code.highlight import lines_of

LARGEST_FILE: Final = 5_000_000
"""Bytes; a larger file is not source code that a person wrote."""

SourceState = Literal[
    "as on disk", "moved", "changed on disk since", "file is gone", "recorded", "read from disk", "not recorded"
]
_AS_ON_DISK: Final[tuple[SourceState, str]] = ("as on disk", "The file still contains this source.")


@dataclass(frozen=True, slots=True)
class Located:
    """The source to show, or None; `line` is its first line, `state` a badge, `sentence` explains it."""

    source: str | None
    file: str | None
    line: int
    state: SourceState
    sentence: str


def located(file: str | None, line: int | None, source: str | None, source_hash: str, roots: Sequence[Path]) -> Located:
    """Return the source for `file`, `line`, `source` (None: not recorded) and `source_hash` (SHA-256 hex)."""
    text = _file_text(file, roots) if file else None
    if source is None:
        return _from_disk(file, line, source_hash, text)
    if text is None:
        state, sentence = _unread(file, roots)
    elif digest(_block(text, line or 1) or "") == source_hash:  # also where secrets in the recorded text are redacted
        state, sentence = _AS_ON_DISK
    else:
        state, sentence = _compared(source, line or 1, text)
    return Located(source, file, line or 1, state, sentence)


def digest(source: str) -> str:
    """Return the hash of a source in the log: SHA-256 of its UTF-8, in hex."""
    return hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()


def is_allowed(file: str, roots: Sequence[Path]) -> bool:
    """Whether `file`, with symbolic links resolved, is below one of `roots`."""
    try:
        real = Path(file).resolve()
        return any(real.is_relative_to(root.resolve()) for root in roots)
    except (OSError, ValueError, RuntimeError):
        return False


def _compared(source: str, line: int, text: str) -> tuple[SourceState, str]:
    """The state of the recorded source compared with the text of its file."""
    now, then = lines_of(text), lines_of(source)
    if now[line - 1 : line - 1 + len(then)] == then:
        return _AS_ON_DISK
    starts = (index for index, first in enumerate(now) if first == then[0] and now[index : index + len(then)] == then)
    if (start := next(starts, None)) is not None:
        return "moved", f"The file now contains this source from line {start + 1:,}."
    return "changed on disk since", "This is the recorded source; the file has changed since."


def _unread(file: str | None, roots: Sequence[Path]) -> tuple[SourceState, str]:
    """Why the recorded source was not compared with the file."""
    if file is None:
        return "recorded", "Recorded source; its file is unknown."
    if not is_allowed(file, roots):
        return "recorded", "Recorded source; the file is outside the folders that this dashboard may read."
    if Path(file).exists():
        return "recorded", "Recorded source; the file is not readable now."
    return "file is gone", "Recorded source; the file no longer exists."


def _from_disk(file: str | None, line: int | None, source_hash: str, text: str | None) -> Located:
    """The block at `line` of the file, if its hash matches what ran."""
    block = _block(text, line) if text is not None and line else None
    if block is not None and source_hash == digest(block):
        shown = rules.redaction.without_literals(block)
        return Located(shown, file, line or 1, "read from disk", "Read from the file, which has the recorded hash.")
    if file is None:
        sentence = (
            "No recorded source: functions written in C, spans of other languages and spans of OpenTelemetry have none."
        )
    elif file.startswith("<") and file.endswith(">"):
        sentence = "The function was created at run time by a template or exec; without a source file."
    elif block is not None and source_hash:
        sentence = "No recorded source, and the file has changed since the function ran."
    else:
        sentence = "No recorded source, only its location."
    return Located(None, file, line or 1, "not recorded", sentence)


def _block(text: str, line: int) -> str | None:
    """The definition that starts at `line`, or None."""
    lines = [f"{row}\n" for row in lines_of(text)][line - 1 :]
    try:
        return "".join(inspect.getblock(lines)) if lines else None
    except (SyntaxError, tokenize.TokenError):
        return None


def _file_text(file: str, roots: Sequence[Path]) -> str | None:
    """The text of `file` if it is a readable regular file below `roots`, with invalid bytes replaced; else None."""
    if not is_allowed(file, roots):
        return None
    try:
        handle = os.open(Path(file).resolve(), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST_FILE:
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

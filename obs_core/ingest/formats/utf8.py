"""The text of a file as UTF-8: it is checked, never repaired, because repaired text makes two names one.

Tables may be in the code page 1252 of Windows, as Excel saves them in most countries, if they read like it; guesses at
other pages are too often wrong. JSON is always UTF-8 (RFC 8259, 8.1).
"""

import codecs
import io
import re
from typing import Any, Final

from obs_core.errors import FileRefused

_CHUNK: Final = 1 << 16
_PAGE: Final = "cp1252"
_LETTER: Final = rb"[A-Za-z\x8a\x8c\x8e\x9a\x9c\x9e\x9f\xc0-\xd6\xd8-\xf6\xf8-\xff]"
_SYMBOL: Final = rb"[\x82-\x84\x86-\x89\x8b\x95\x98\x99\x9b\xa1-\xa9\xab\xac\xae\xaf\xb6\xb8\xb9\xbb-\xbf\xd7\xf7]"
_CURRENCY: Final = rb"[\xa2-\xa6]"
_DOUBTFUL: Final = re.compile(rb"[\x80-\xff]{3}|" + _LETTER + _SYMBOL + _LETTER + rb"|" + _CURRENCY + _LETTER)
_HINT: Final = "Save the file as UTF-8; Excel calls it “CSV UTF-8”."


class Utf8(io.RawIOBase):
    """The bytes of `source` as UTF-8; `page` is the code page that they were decoded from, if it was another one."""

    def __init__(self, source: "io.BufferedReader[Any]", title: str, *, is_table: bool) -> None:
        """`title` is the file's in errors; only a table may be in a code page."""
        super().__init__()
        self.page: str | None = None
        self._source = source
        self._title = title
        self._is_table = is_table
        self._decoder: codecs.IncrementalDecoder = codecs.getincrementaldecoder("utf-8")()
        self._rest = memoryview(b"")
        self._line = 1
        self._is_ascii = True

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill `buffer`, or a part of it; 0 at the end."""
        while not self._rest:
            chunk = self._source.read1(_CHUNK)
            self._rest = memoryview(self._checked(chunk))
            self._line += chunk.count(b"\n")
            if not chunk:
                break
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def _checked(self, chunk: bytes) -> bytes:
        pending = self._decoder.getstate()[0]
        if not pending and chunk.isascii():
            return chunk
        try:
            text = self._decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            good = error.object[: error.start]
            if self.page:
                raise self._refusal(good, f"{self.page} has no character for a byte") from error
            if not self._is_table or not self._is_ascii or not good.isascii():
                raise self._refusal(good, "it is not UTF-8") from error
            self.page = _PAGE
            self._decoder = codecs.getincrementaldecoder(_PAGE)()
            return self._checked(pending + chunk)
        if self.page and not is_western(chunk):
            raise self._refusal(b"", f"it is not UTF-8, and does not read like {_PAGE}")
        self._is_ascii = self._is_ascii and text.isascii()
        return text.encode()

    def _refusal(self, before: bytes, why: str) -> FileRefused:
        line = self._line + before.count(b"\n")
        return FileRefused(f"{self._title}: line {line} can't be read: {why}.", _HINT)


def is_western(text: bytes) -> bool:
    """Whether text in Windows-1252 reads like a Western language.

    It does not if three of its characters in a row are not ASCII (as in any text that is really Cyrillic, Greek or
    Chinese), or if a symbol is between two letters, or a currency before one (as where Ł was read as £).
    """
    return _DOUBTFUL.search(text) is None

"""What a reading is compared by in addition to its text: a hash of everything that its text does not show.

Two readings must not look equal if they differ. So a text that shows a whole value is its own key; of everything else
the whole content is hashed; and what can't be read, or is too much, makes the reading incomparable.
"""

from typing import Any, Final

MOST_BYTES: Final = 16 << 20
"""Bytes hashed per reading: 25 ms at 650 MB/s. A larger value is incomparable."""
MOST_PARTS: Final = 20_000  # parts of a reading that are read one by one, at 1 us each
_PIECE: Final = 1 << 20
_sha256: Final[list[Any]] = []


class Key:
    """Collects what a reading is compared by; once `fail` was called, nothing more is read."""

    __slots__ = ("_hash", "bytes_left", "comparable", "parts_left", "types")

    def __init__(self) -> None:
        """Nothing was added yet: the text is the key."""
        self.comparable = True
        self.bytes_left = MOST_BYTES
        self.parts_left = MOST_PARTS
        self._hash: Any = None
        self.types: list[str] = []  # of the program, in the order of the text: it has only their names

    def fail(self) -> None:
        """Mark the reading as incomparable."""
        self.comparable = False

    def result(self, text: str) -> dict[str, Any]:
        """The details of a frame that say how a reading with this text is compared: nothing if by the text alone."""
        if not self.comparable:
            return {"incomparable": True}
        if self.types:
            self._update("\0".join(self.types).encode("utf-8", "surrogatepass"))
        return {} if self._hash is None else {"hash": self.digest(text)}

    def digest(self, text: str) -> str:
        """SHA-256 of everything added and of `text`, the first 32 hex digits."""
        self._update(b"\0" + text.encode("utf-8", "surrogatepass"))
        return str(self._hash.hexdigest()[:32])

    def spend_part(self) -> None:
        """Count a part that is read by itself."""
        self.parts_left -= 1
        if self.parts_left < 0:
            self.comparable = False

    def can_take(self, size: int) -> bool:
        """Count `size` bytes; whether they may be hashed. If not, the reading is incomparable."""
        self.bytes_left -= size
        if self.bytes_left < 0:
            self.comparable = False
        return self.comparable

    def add(self, tag: str, data: "bytes | memoryview | bytearray" = b"") -> None:
        """Hash `tag` and `data`, with the length of both."""
        if self.can_take(len(data)):
            self._update(f"{len(tag)}:{len(data)}:{tag}".encode("utf-8", "surrogatepass"))
            if data:
                self._update(data)

    def add_text(self, text: str) -> None:
        """Hash a text, which may be long."""
        if self.can_take(len(text)):
            self._update(b"s%d:" % len(text))
            for start in range(0, len(text), _PIECE):
                self._update(text[start : start + _PIECE].encode("utf-8", "surrogatepass"))

    def add_block(self, block: "bytes | memoryview") -> None:
        """Hash a block of an array; its size was counted before."""
        self._update(block)

    def _update(self, data: "bytes | memoryview | bytearray") -> None:
        if self._hash is None:
            self._hash = _new_hash()
        self._hash.update(data)


def _new_hash() -> Any:  # noqa: ANN401 - hashlib's own type
    if not _sha256:
        import hashlib  # noqa: PLC0415 - only if something is hashed: most programs never load it

        _sha256.append(hashlib.sha256)
    return _sha256[0]()

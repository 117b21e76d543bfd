"""How engine and worker talk: over pipes, each message a length and a JSON head, an answer also Arrow bytes.

head length (4 bytes, little-endian) · body length (8 bytes) · head (JSON) · body
"""

import json
import struct
from typing import Any, BinaryIO, Final

SIZES: Final = struct.Struct("<IQ")


def message(head: dict[str, Any], body: bytes | memoryview = b"") -> list[bytes | memoryview]:
    """The parts of one message, to be written one after the other."""
    text = json.dumps(head).encode()
    return [SIZES.pack(len(text), len(body)) + text, body]


def received(stream: BinaryIO) -> dict[str, Any] | None:
    """The head of the next message, which has no body; None when the other side is gone."""
    sizes = stream.read(SIZES.size)
    if len(sizes) < SIZES.size:
        return None
    head = stream.read(SIZES.unpack(sizes)[0])
    found: dict[str, Any] = json.loads(head)
    return found

"""Messages between engine and worker, over pipes: two lengths, a JSON head, and for an answer Arrow bytes.

head length (4 bytes, little-endian) · body length (8 bytes) · head (JSON) · body
"""

import json
import struct
from typing import Any, BinaryIO, Final

SIZES: Final = struct.Struct("<IQ")


def message(head: dict[str, Any], body: bytes | memoryview = b"") -> list[bytes | memoryview]:
    """The parts of one message, to be written in this order."""
    text = json.dumps(head).encode()
    return [SIZES.pack(len(text), len(body)) + text, body]


def received(stream: BinaryIO) -> dict[str, Any] | None:
    """The head of the next message, which has no body; None at the end of the stream."""
    sizes = stream.read(SIZES.size)
    if len(sizes) < SIZES.size:
        return None
    head: dict[str, Any] = json.loads(stream.read(SIZES.unpack(sizes)[0]))
    return head

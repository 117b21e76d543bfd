"""Messages between engine and worker, over pipes: two lengths, a JSON head, and Arrow bytes: an answer, or rows to ask.

head length (4 bytes, little-endian) · body length (8 bytes) · head (JSON) · body
"""

import json
import struct
from typing import Any, BinaryIO, Final

import pyarrow as pa

SIZES: Final = struct.Struct("<IQ")
STREAMED: Final = "streamed"
"""The worker's table with the rows that came with a request."""


def message(head: dict[str, Any], body: bytes | memoryview = b"") -> list[bytes | memoryview]:
    """The parts of one message, to be written in this order."""
    text = json.dumps(head).encode()
    return [SIZES.pack(len(text), len(body)) + text, body]


def received(stream: BinaryIO) -> tuple[dict[str, Any], bytes] | None:
    """The head and the body of the next message; None at the end of the stream."""
    sizes = stream.read(SIZES.size)
    if len(sizes) < SIZES.size:
        return None
    head_size, body_size = SIZES.unpack(sizes)
    head: dict[str, Any] = json.loads(stream.read(head_size))
    return head, stream.read(body_size)


def arrow_bytes(table: pa.Table) -> memoryview:
    """The table as the body of a message."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return memoryview(sink.getvalue())

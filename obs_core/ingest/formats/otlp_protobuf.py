"""OTLP in protobuf, as a file: one message, or many with the length of each before it (4 bytes, big-endian).

Source: opentelemetry-collector-contrib, exporter/fileexporter: `format: proto` writes messages with their lengths.
"""

from collections.abc import Collection, Iterator
from typing import IO, Final

from obs_core.errors import FileRefused, NotTraces, SetupBroken
from obs_core.ingest.formats import import_format
from obs_core.ingest.formats.import_format import BinaryFormat, Parts

_BINARY: Final = frozenset(range(32)) - frozenset(b"\t\n\r")
_LENGTH: Final = 4  # bytes before each message, in files with many


def _fits(head: bytes) -> bool:
    """Whether a file begins with a message (field 1, a submessage) or with a length below 16 MB, and is not text."""
    return head[:1] in (b"\n", b"\0") and bool(_BINARY & set(head))


def _read(stream: IO[bytes], title: str, values: Collection[str]) -> Parts:
    try:
        from obs_core.ingest.formats.protobuf import messages  # noqa: PLC0415 - 60 ms that JSON and CSV need not pay
    except ImportError as error:
        raise SetupBroken("OTLP protobuf needs opentelemetry-proto.", "pip install -r requirements.txt") from error
    for number, body in enumerate(_messages(stream, title), 1):
        try:
            if messages.has_more_parts(body, import_format.MOST_MESSAGES):
                raise import_format.too_many(title, number, f"{import_format.MOST_MESSAGES:,} messages")
            message = messages.parse_any(body)
        except ValueError as error:
            refusal = NotTraces if number == 1 else FileRefused
            hint = "Write what an OTLP exporter sends, or OTLP JSON."
            raise refusal(f"{title}: message {number} is not OTLP protobuf.", hint) from error
        yield from messages.rows(message, number, values)


def _messages(stream: IO[bytes], title: str) -> Iterator[bytes]:
    """The messages of a file."""
    start = stream.read(1)
    if start != b"\0":
        body = start + stream.read(import_format.LARGEST)
        if stream.read(1):
            raise import_format.too_large(title, 1)
        yield body
        return
    number = 0
    head = start + stream.read(_LENGTH - 1)
    while head:
        number += 1
        size = int.from_bytes(head, "big")
        if size > import_format.LARGEST:
            raise import_format.too_large(title, number)
        body = stream.read(size)
        if len(head) < _LENGTH or len(body) < size:
            refusal = NotTraces if number == 1 else FileRefused
            raise refusal(f"{title}: message {number} is cut off.", "Write or copy the file again.")
        yield body
        head = stream.read(_LENGTH)


FORMAT: Final = BinaryFormat(
    name="OTLP protobuf",
    fits=_fits,
    read=_read,
    sample=bytes.fromhex("0a2c 122a 1228 0a10")
    + bytes(range(1, 17))
    + bytes.fromhex("1208 0102030405060708 2a0161 39 00002c6a36ea1e18"),
)

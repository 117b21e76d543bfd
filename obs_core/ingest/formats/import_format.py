"""What an import format is: one object per format, in the module of the format, under the name `FORMAT`.

There are three kinds, by what a file looks like: JSON documents, a table with a header line, or bytes.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Any, Final

from obs_core.errors import FileRefused
from obs_core.ingest.formats.rows import Refused
from obs_core.model import Row

LARGEST: Final = 512 << 20  # bytes of one JSON document, protobuf message or row of CSV; all of it is in memory
MOST_VALUES: Final = 20_000_000  # of one JSON document, which need up to 2 GB; 2.5 million events of Chrome
MOST_MESSAGES: Final = 5_000_000  # in one protobuf message, which need up to 1 GB; a quarter of a million spans

Parts = Iterator[Row | Refused]


@dataclass(frozen=True, slots=True)
class JsonFormat:
    """A format of JSON documents: one per file, or one per line.

    `name` is what users call it, `fits` recognises a parsed document, and `read` returns the rows of one document that
    begins at a line; attributes of spans named in the last argument become values too. `sample` is a small file.
    `repair` returns text that may be complete JSON where the format allows text that is not, else None.
    """

    name: str
    fits: Callable[[Any], bool]
    read: Callable[[Any, int, Collection[str]], Parts]
    sample: bytes
    repair: Callable[[str], str | None] = lambda _: None


@dataclass(frozen=True, slots=True)
class TableFormat:
    """A format of lines with a header; `fits` recognises its cells.

    `read` takes the lines with the header, the title of the file for errors, and the delimiter.
    """

    name: str
    fits: Callable[[list[str]], bool]
    read: Callable[[Iterable[str], str, str], Parts]
    sample: bytes


@dataclass(frozen=True, slots=True)
class BinaryFormat:
    """A format of bytes that are not text; `fits` recognises the first 4 KiB of a file.

    `read` takes the stream at its start, the title of the file for errors, and the names of attributes of spans that
    become values too.
    """

    name: str
    fits: Callable[[bytes], bool]
    read: Callable[[IO[bytes], str, Collection[str]], Parts]
    sample: bytes


ImportFormat = JsonFormat | TableFormat | BinaryFormat


def too_large(title: str, line: int) -> FileRefused:
    """The error of a document or message that is larger than `LARGEST`."""
    message = f"{title}: line {line} is larger than {LARGEST >> 20} MB."
    return FileRefused(message, "Write one document per line (JSON lines).")


def too_many(title: str, line: int, what: str) -> FileRefused:
    """The error of a document or message with more objects than the limit for them."""
    message = f"{title}: line {line} has more than {what}."
    return FileRefused(message, "Traces are not this dense. Split the file, or write one document per line.")

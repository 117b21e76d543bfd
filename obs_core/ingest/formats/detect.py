"""Which format a stream has, told by its content, and its rows."""

import csv
import io
import json
from collections.abc import Callable, Collection, Iterator
from itertools import chain
from typing import IO, Any, Final, TextIO

from obs_core.errors import FileRefused, NotTraces, SetupBroken
from obs_core.ingest.formats import csv_rows, csv_spans, ddtrace, jaeger, otlp_json, zipkin
from obs_core.ingest.formats.rows import Refused
from obs_core.model import Row

LARGEST: Final = 512 << 20  # bytes of one JSON document or one protobuf message; it is in memory as a whole

_HEAD: Final = 4_096
_PLAIN_CONTROLS: Final = frozenset(b"\t\n\r")
_BINARY: Final = frozenset(range(32)) - _PLAIN_CONTROLS
_UNPACK: Final = "Unpack it, and import the file or the directory."
_OTHERS: Final = (
    (b"SQLite format 3\0", 0, "an SQLite database", "A trace log needs no import: open it with OBS_LOG=<that file>."),
    (b"ustar", 257, "a tar archive", _UNPACK),
    (b"\x28\xb5\x2f\xfd", 0, "packed with zstd", _UNPACK),
    (b"\xfd7zXZ\0", 0, "packed with xz", _UNPACK),
    (b"BZh", 0, "packed with bzip2", _UNPACK),
)
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
_FRAME: Final = 4  # bytes before each message, in files that hold many: its length, the largest digit first

Parts = Iterator[Row | Refused]
_JSON: Final[tuple[tuple[Callable[[Any], bool], Callable[..., Parts]], ...]] = (
    (otlp_json.is_otlp, otlp_json.rows),
    (jaeger.is_jaeger, jaeger.rows),
    (ddtrace.is_ddtrace, ddtrace.rows),
    (zipkin.is_zipkin, zipkin.rows),
)


def rows(stream: IO[bytes], title: str, values: Collection[str] = ()) -> Parts:
    """The rows of a stream at its start, which errors call `title`; what can't be stored comes as `Refused`.

    Attributes of spans that `values` names become values of their calls.

    Raises:
        NotTraces: it is of none of the formats.
        FileRefused: it is, but is broken; the message says in which line.
    """
    try:
        yield from _rows(stream, title, values)
    except RecursionError as error:
        raise FileRefused(f"{title} is nested too deeply.", "This is no trace file.") from error


def _rows(stream: IO[bytes], title: str, values: Collection[str]) -> Parts:
    buffered = stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(stream)  # type: ignore[type-var]
    head = buffered.peek(_HEAD)[:_HEAD]
    for start, at, what, hint in _OTHERS:
        if head.startswith(start, at):
            raise NotTraces(f"{title} is {what}.", hint)
    if head[:1] in (b"\n", b"\0") and _BINARY & set(head):
        yield from _protobuf(buffered, title, values)
        return
    encoding = "utf-16" if head.startswith(_UTF16) else "utf-8-sig"
    text = io.TextIOWrapper(buffered, encoding=encoding, errors="replace", newline="")
    try:
        yield from _text(text, title, values)
    finally:
        text.detach()


def _text(text: TextIO, title: str, values: Collection[str]) -> Parts:
    first = text.readline(LARGEST)
    blank = 0
    while first and not first.strip():
        blank += 1
        first = text.readline(LARGEST)
    if first.lstrip()[:1] in ("{", "["):
        yield from _json(text, first, blank + 1, title, values)
        return
    lines = chain([first], text)
    try:
        delimiter = max(",;\t", key=first.count)  # of as many, the comma
        header = next(csv.reader([first], delimiter=delimiter), [])
    except csv.Error:
        header = []
    if csv_spans.is_header(header) and not csv_rows.is_header(header):
        yield from csv_spans.rows(lines, title, delimiter=delimiter)
    else:
        yield from csv_rows.rows(lines, title, delimiter=delimiter)


def _json(text: TextIO, first: str, line: int, title: str, values: Collection[str]) -> Parts:
    """The rows of one JSON document, or of one per line."""
    try:
        document = json.loads(first)
    except (ValueError, RecursionError):
        whole = first + text.read(LARGEST)
        if text.read(1):
            raise FileRefused(*_too_large(title, line)) from None
        yield from _document(_loaded(whole, title, line, lines=True), title, line, values, first=True)
        return
    yield from _document(document, title, line, values, first=True)
    while words := text.readline(LARGEST):
        line += 1
        if len(words) == LARGEST:
            raise FileRefused(*_too_large(title, line))
        if words.strip():
            yield from _document(_loaded(words, title, line), title, line, values)


def _loaded(words: str, title: str, line: int, *, lines: bool = False) -> Any:  # noqa: ANN401 - whatever JSON holds
    try:
        return json.loads(words)
    except ValueError as error:
        at = line + error.lineno - 1 if lines and isinstance(error, json.JSONDecodeError) else line
        raise FileRefused(
            f"{title}: line {at} is not complete JSON: {error}.", "The file may be cut off; write or copy it again."
        ) from error
    except RecursionError as error:
        raise FileRefused(f"{title}: line {line} is nested too deeply.", "This is no trace file.") from error


def _document(document: Any, title: str, line: int, values: Collection[str], *, first: bool = False) -> Parts:  # noqa: ANN401
    for fits, read in _JSON:
        if fits(document):
            yield from read(document, line, values)
            return
    if isinstance(document, list) and all(isinstance(part, dict) for part in document):
        for part in document:
            yield from _document(part, title, line, values, first=first)
        return
    refusal = NotTraces if first else FileRefused
    raise refusal(
        f"{title}: line {line} holds no traces of OTLP (resourceSpans, resourceLogs, resourceMetrics), Jaeger, Zipkin "
        "or ddtrace.",
        "Export it in one of these formats.",
    )


def _protobuf(stream: IO[bytes], title: str, values: Collection[str]) -> Parts:
    try:
        from obs_core.ingest.formats import otlp_protobuf  # noqa: PLC0415 - 60 ms that JSON and CSV need not pay
    except ImportError as error:
        raise SetupBroken("OTLP protobuf needs opentelemetry-proto.", "pip install -r requirements.txt") from error
    for number, body in enumerate(_messages(stream, title), 1):
        try:
            message = otlp_protobuf.guessed(body)
        except FileRefused as error:
            refusal = NotTraces if number == 1 else FileRefused
            raise refusal(f"{title}: message {number} is no OTLP protobuf.", error.hint) from error
        yield from otlp_protobuf.rows(message, number, values)


def _messages(stream: IO[bytes], title: str) -> Iterator[bytes]:
    """The messages of a file: one as it is, or many with their lengths before them."""
    start = stream.read(1)
    if start != b"\0":
        body = start + stream.read(LARGEST)
        if stream.read(1):
            raise FileRefused(*_too_large(title, 1))
        yield body
        return
    number = 0
    head = start + stream.read(_FRAME - 1)
    while head:
        number += 1
        size = int.from_bytes(head, "big")
        if size > LARGEST:
            raise FileRefused(*_too_large(title, number))
        body = stream.read(size)
        if len(head) < _FRAME or len(body) < size:
            refusal = NotTraces if number == 1 else FileRefused
            raise refusal(f"{title}: message {number} is cut off.", "Write or copy the file again.")
        yield body
        head = stream.read(_FRAME)


def _too_large(title: str, line: int) -> tuple[str, str]:
    return f"{title}: line {line} is larger than {LARGEST >> 20} MB.", "Write one document per line (JSON lines)."

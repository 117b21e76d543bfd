"""The JSON documents of a file: one, one per line, or whole documents one after the other, in lines or not.

`jq .`, `cat` and servers that stream write the last kind. RFC 7464 puts a record separator before each.
"""

import json
from collections.abc import Iterator
from typing import Any, Final, TextIO

from obs_core.errors import FileRefused
from obs_core.ingest.formats import bounds, import_format
from obs_core.ingest.formats.import_format import too_large, too_many
from obs_core.ingest.formats.registry import JSON_FORMATS

_BETWEEN: Final = " \t\r\n\x1e"
_decoder: Final = json.JSONDecoder()


def documents(text: TextIO, first: str, line: int, title: str) -> Iterator[tuple[Any, int]]:
    """Each document and the line that it begins at; `first` is the line `line` of the file `title`, already read.

    Raises:
        FileRefused: a document is not complete JSON, or larger than the limits.
    """
    piece, is_first = first, True
    while piece:
        if len(piece) == import_format.LARGEST:
            raise too_large(title, line)
        if piece.strip(_BETWEEN):
            try:
                document = _loaded(piece, title, line)
            except (ValueError, RecursionError) as error:
                whole = piece + text.read(import_format.LARGEST - len(piece))
                if text.read(1):
                    raise too_large(title, line) from None
                yield from _several(whole, title, line, None if is_first else error)
                return
            yield document, line
            is_first = False
        piece = text.readline(import_format.LARGEST)
        line += 1


def _several(text: str, title: str, line: int, of_line: Exception | None) -> Iterator[tuple[Any, int]]:
    """The documents in a text that begins at `line`; `of_line`: the error of this line alone, if lines were."""
    if bounds.has_more_values(text, import_format.MOST_VALUES):
        raise too_many(title, line, f"{import_format.MOST_VALUES:,} values")
    start, at, counted = line, 0, 0
    while (at := _next(text, at)) < len(text):
        line += text.count("\n", counted, at)
        counted = at
        try:
            document, end = _decoder.raw_decode(text, at)
        except RecursionError as error:
            raise FileRefused(f"{title}: line {line} is nested too deeply.", "This is not a trace file.") from error
        except ValueError as error:
            if at == _next(text, 0) and (repaired := _repaired(text, title, line)) is not None:
                yield repaired, line
                return
            raise _incomplete(title, start, text, error if of_line is None or at else of_line) from error
        yield document, line
        at = end


def _next(text: str, at: int) -> int:
    while at < len(text) and text[at] in _BETWEEN:
        at += 1
    return at


def _repaired(text: str, title: str, line: int) -> Any:  # noqa: ANN401 - whatever JSON holds
    """The document in a text that a format allows to be incomplete; None if no format does."""
    for known in JSON_FORMATS:
        if (repaired := known.repair(text)) is not None:
            try:
                document = _loaded(repaired, title, line)
            except (ValueError, RecursionError):
                continue
            if known.fits(document):
                return document
    return None


def _incomplete(title: str, line: int, text: str, error: Exception) -> FileRefused:
    if not isinstance(error, json.JSONDecodeError):
        return FileRefused(f"{title}: line {line} is not JSON: {error}.", "This is not a trace file.")
    at = line + (text.count("\n", 0, error.pos) if error.doc is text else 0)
    return FileRefused(
        f"{title}: line {at} is not complete JSON: {error}.", "The file may be cut off; write or copy it again."
    )


def _loaded(text: str, title: str, line: int) -> Any:  # noqa: ANN401 - whatever JSON holds
    """The parsed document, if it does not have too many values."""
    if bounds.has_more_values(text, import_format.MOST_VALUES):
        raise too_many(title, line, f"{import_format.MOST_VALUES:,} values")
    return json.loads(text)

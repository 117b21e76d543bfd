"""Decodes a request into rows: decompressed within the limit, parsed, mapped and redacted."""

import json
import logging
import zlib
from collections.abc import Collection, Iterable
from itertools import islice
from typing import Any, Final

from obs_core.capture.values.limits import rules
from obs_core.errors import FileRefused
from obs_core.ingest.formats import otlp_json
from obs_core.ingest.formats.protobuf import messages
from obs_core.ingest.formats.rows import Refused
from obs_core.ingest.receiver.redaction import without_secrets
from obs_core.ingest.receiver.responses import JSON, PROTOBUF, Refusal
from obs_core.model import Row

SIGNALS: Final = {"traces": "resourceSpans", "logs": "resourceLogs", "metrics": "resourceMetrics"}
_WINDOWS: Final = {"gzip": 31, "x-gzip": 31, "deflate": 15}  # zlib's window of 15 bits; 16 more mean a gzip header
_PIECE: Final = 1 << 20
_SHOWN: Final = 3
_log: Final = logging.getLogger(__name__)


def content_type_of(header: str) -> str | None:
    """The content type without its parameters; None if it is neither protobuf nor JSON."""
    content_type = header.partition(";")[0].strip().lower()
    return content_type if content_type in (PROTOBUF, JSON) else None


def unpacked(body: bytes, encoding: str, limit: int) -> bytes:
    """`body` without its compression.

    Raises:
        Refusal: 415 for an unknown encoding, 413 above `limit` bytes, 400 if it is damaged.
    """
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return body
    if name not in _WINDOWS:
        raise Refusal(415, f"Content-Encoding is “{encoding[:100]}”; send gzip, deflate or none.")
    try:
        return _inflated(body, _WINDOWS[name], limit)
    except zlib.error as error:
        raise Refusal(400, f"The body is not complete {name}: {error}.") from error


def too_large(limit: int) -> Refusal:
    """413: more than the limit, after decompression."""
    said = f"The request has more than {limit:,} bytes; send smaller batches, or raise OBS_OTLP_LIMIT_MB."
    return Refusal(413, said)


def _inflated(body: bytes, window: int, limit: int) -> bytes:
    """All members of `body`, in pieces: a decompression bomb is noticed before it fills the memory."""
    pieces: list[bytes] = []
    size = 0
    while body:
        member = zlib.decompressobj(window)
        while body and not member.eof:
            pieces.append(member.decompress(body, _PIECE))
            body = member.unconsumed_tail
            size += len(pieces[-1])
            if size > limit:
                raise too_large(limit)
        pieces.append(member.flush())
        size += len(pieces[-1])
        if not member.eof:
            raise zlib.error("it is cut off")
        body = member.unused_data
    return b"".join(pieces)


def rows(signal: str, content_type: str, body: bytes, values: Collection[str]) -> tuple[list[Row], list[Refused]]:
    """The rows of a request, and its parts that can't be stored.

    Raises:
        Refusal: 400, it is not such a message.
    """
    parts = _protobuf(signal, body, values) if content_type == PROTOBUF else _json(signal, body, values)
    accepted: list[Row] = []
    refused: list[Refused] = []
    try:
        for part in parts:
            if isinstance(part, Row):
                accepted.append(without_secrets(part, rules.redaction))
            else:
                refused.append(part)
    except Exception as error:
        # Senders learn only that the batch can't be read, and no batch may end the receiver.
        _log.exception("a batch of %s could not be mapped", signal)
        raise Refusal(400, f"The {signal} could not be read: {type(error).__name__}.") from error
    return accepted, refused


def describe_rejected(refused: Collection[Refused]) -> str:
    """Why parts of a batch were refused, in a sentence for the sender's log."""
    reasons = list(dict.fromkeys(part.why for part in refused))
    more = len(reasons) - _SHOWN
    return "; ".join(islice(reasons, _SHOWN)) + (f"; and {more:,} more reasons" if more > 0 else "")


def _protobuf(signal: str, body: bytes, values: Collection[str]) -> Iterable[Row | Refused]:
    try:
        return messages.rows(messages.parse(signal, body), values=values)
    except FileRefused as error:
        raise Refusal(400, error.message) from error


def _json(signal: str, body: bytes, values: Collection[str]) -> Iterable[Row | Refused]:
    name = SIGNALS[signal]
    try:
        document: Any = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refusal(400, f"The body is not JSON: {error}.") from error
    if not isinstance(document, dict):
        raise Refusal(400, f"The body is not a JSON object with {name}.")
    groups = document.get(name)
    if groups is None:  # null in JSON means that a field is not set
        groups = []
    if not isinstance(groups, list) or not all(isinstance(group, dict) for group in groups):
        raise Refusal(400, f"{name} is not a list of objects.")
    return otlp_json.rows({name: groups}, 1, values)

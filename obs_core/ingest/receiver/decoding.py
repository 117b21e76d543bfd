"""Decodes a request into rows: decompressed and parsed within the limits, mapped and redacted."""

import json
import logging
import zlib
from collections.abc import Collection, Iterable, Iterator
from typing import Any, Final

from obs_core.capture.values.limits import rules
from obs_core.ingest import inflate
from obs_core.ingest.formats import bounds, otlp_json
from obs_core.ingest.formats.protobuf import messages
from obs_core.ingest.formats.rows import Refused
from obs_core.ingest.receiver.limits import Limits
from obs_core.ingest.receiver.responses import JSON, PROTOBUF, Refusal
from obs_core.ingest.redaction import without_secrets
from obs_core.model import Row

SIGNALS: Final = {"traces": "resourceSpans", "logs": "resourceLogs", "metrics": "resourceMetrics"}
_WINDOWS: Final = {"gzip": inflate.GZIP, "x-gzip": inflate.GZIP, "deflate": inflate.ZLIB}
Body = bytes | bytearray
_log: Final = logging.getLogger(__name__)


def content_type_of(header: str) -> str | None:
    """The content type without its parameters; None if it is neither protobuf nor JSON."""
    content_type = header.partition(";")[0].strip().lower()
    return content_type if content_type in (PROTOBUF, JSON) else None


def unpacked(body: Body, encoding: str, limits: Limits) -> Body:
    """`body` without its compression.

    Raises:
        Refusal: 415 for an unknown encoding, 413 for what unpacks to too much, 400 if it is damaged.
    """
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return body
    if name not in _WINDOWS:
        raise Refusal(415, f"Content-Encoding is “{encoding[:100]}”; send gzip, deflate or none.")
    plain = bytearray()
    try:
        for piece in inflate.pieces(inflate.parts_of(body), _WINDOWS[name]):
            plain += piece
            limits.check_unpacked(len(plain), len(body))
    except zlib.error as error:
        raise Refusal(400, f"The body is not complete {name}: {error}.") from error
    except inflate.TooManyMembers as error:
        raise Refusal(413, f"The body {error}.") from error
    return plain


def parts(
    signal: str, content_type: str, body: Body, values: Collection[str], limits: Limits
) -> Iterator[Row | Refused]:
    """The rows of a request, and its parts that can't be stored.

    Raises:
        Refusal: 400, it is not such a message; 413, it has too many parts or takes too long. Also between two rows.
    """
    read = _protobuf if content_type == PROTOBUF else _json
    mapped = read(signal, body, values, limits)
    try:
        for part in limits.timed(mapped):
            yield without_secrets(part, rules.redaction) if isinstance(part, Row) else part
    except Refusal:
        raise
    except Exception as error:
        # Senders learn only that the batch can't be read, and no batch may end the receiver.
        _log.exception("a batch of %s could not be mapped", signal)
        raise Refusal(400, f"The {signal} could not be read: {type(error).__name__}.") from error


def _protobuf(signal: str, body: Body, values: Collection[str], limits: Limits) -> Iterable[Row | Refused]:
    try:
        if bounds.has_more_messages(body, messages.submessages(signal), limits.parts):
            raise limits.too_many_parts("spans, attributes and other messages")
        return messages.rows(messages.parse(signal, bytes(body)), values=values)
    except ValueError as error:
        raise Refusal(400, f"The body is not an OTLP {signal} message: {error}.") from error


def _json(signal: str, body: Body, values: Collection[str], limits: Limits) -> Iterable[Row | Refused]:
    name = SIGNALS[signal]
    try:
        text = body.decode(json.detect_encoding(body), "surrogatepass")
        if bounds.has_more_values(text, limits.parts):
            raise limits.too_many_parts("values")
        document: Any = json.loads(text)
    except RecursionError as error:
        raise Refusal(400, "The body is nested too deeply: the limit is about 900 levels.") from error
    except ValueError as error:
        raise Refusal(400, f"The body is not JSON: {error}.") from error
    if not isinstance(document, dict):
        raise Refusal(400, f"The body is not a JSON object with {name}.")
    groups = document.get(name)
    if groups is None:  # null in JSON means that a field is not set
        groups = []
    if not isinstance(groups, list) or not all(isinstance(group, dict) for group in groups):
        raise Refusal(400, f"{name} is not a list of objects.")
    return otlp_json.rows({name: groups}, 1, values)

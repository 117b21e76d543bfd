"""What a client of OTLP over HTTP gets back: a status, a body in its own content type, and when to try again.

Source: opentelemetry-proto, docs/specification.md "OTLP/HTTP Response": 200 with an Export…ServiceResponse, anything
else with a google.rpc.Status; of the errors only 429, 502, 503 and 504 may be tried again.
"""

import json
from typing import Final, NamedTuple

from obs_core.ingest.formats.protobuf import messages

PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"
_REJECTED: Final = {"traces": "rejectedSpans", "logs": "rejectedLogRecords", "metrics": "rejectedDataPoints"}
_RPC_CODES: Final = {400: 3, 401: 16, 403: 7, 404: 12, 405: 12, 408: 4, 413: 8, 415: 3, 503: 14}
_UNKNOWN: Final = 2
_LONGEST: Final = 2_000  # characters of a message; an answer may have 4 MiB, a person reads less


class Answer(NamedTuple):
    """A status and a body; `retry_after_s` is set where the same request may succeed later."""

    status: int
    body: bytes
    content_type: str
    retry_after_s: int | None = None


class Refusal(Exception):
    """A request that can't be taken as a whole; clients may send it again only if `retry_after_s` is set."""

    def __init__(self, status: int, message: str, retry_after_s: int | None = None) -> None:
        """`message` says what is wrong and what to do."""
        super().__init__(message)
        self.status = status
        self.message = message
        self.retry_after_s = retry_after_s


def accepted(signal: str, content_type: str, rejected: int = 0, why: str = "") -> Answer:
    """200: the batch is stored, but for `rejected` of its parts; partialSuccess is unset where all is well."""
    if content_type == PROTOBUF:
        return Answer(200, messages.response(signal, rejected, why[:_LONGEST]).SerializeToString(), PROTOBUF)
    partial = {_REJECTED[signal]: str(rejected), "errorMessage": why[:_LONGEST]}
    return Answer(200, json.dumps({"partialSuccess": partial} if rejected or why else {}).encode(), JSON)


def refused(refusal: Refusal, content_type: str) -> Answer:
    """The error as google.rpc.Status."""
    code, message = _RPC_CODES.get(refusal.status, _UNKNOWN), refusal.message[:_LONGEST]
    if content_type == PROTOBUF:
        text = message.encode("utf-8", "replace")
        body = b"\x08" + _varint(code) + b"\x12" + _varint(len(text)) + text  # its fields 1: code, 2: message
        return Answer(refusal.status, body, PROTOBUF, refusal.retry_after_s)
    body = json.dumps({"code": code, "message": message}).encode()
    return Answer(refusal.status, body, JSON, refusal.retry_after_s)


def _varint(number: int) -> bytes:
    """A number as protobuf writes it: seven bits to a byte, the lowest first."""
    found = bytearray()
    while number > 0x7F:  # noqa: PLR2004 - seven bits
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])

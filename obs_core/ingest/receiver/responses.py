"""Responses of OTLP over HTTP: a status, a body in the content type of the request, and when to retry.

Source: opentelemetry-proto, docs/specification.md "OTLP/HTTP Response": 200 with an Export…ServiceResponse, anything
else with a google.rpc.Status; clients may retry only 429, 502, 503 and 504.
"""

import json
from typing import Final, NamedTuple

from google.rpc.status_pb2 import Status

from obs_core.ingest.formats.protobuf import messages
from obs_core.text import clean

PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"
_REJECTED: Final = {"traces": "rejectedSpans", "logs": "rejectedLogRecords", "metrics": "rejectedDataPoints"}
_RPC_CODES: Final = {400: 3, 401: 16, 403: 7, 404: 12, 405: 12, 408: 4, 413: 8, 415: 3, 429: 8, 503: 14, 508: 9}
_UNKNOWN: Final = 2
_LONGEST: Final = 2_000  # characters of a message; a response may have 4 MiB, a person reads less


class Answer(NamedTuple):
    """A status and a body; `retry_after_s` is set if the same request may succeed later."""

    status: int
    body: bytes
    content_type: str
    retry_after_s: int | None = None


class Refusal(Exception):
    """A request that is refused as a whole; clients may retry only if `retry_after_s` is set."""

    def __init__(self, status: int, message: str, retry_after_s: int | None = None) -> None:
        """`message` says what is wrong and what to do."""
        super().__init__(message)
        self.status = status
        self.message = message
        self.retry_after_s = retry_after_s


def accepted(signal: str, content_type: str, rejected: int = 0, why: str = "") -> Answer:
    """200: the batch is stored, except `rejected` of its parts; partialSuccess is unset if all is well."""
    if content_type == PROTOBUF:
        return Answer(200, messages.response(signal, rejected, why[:_LONGEST]).SerializeToString(), PROTOBUF)
    partial = {_REJECTED[signal]: str(rejected), "errorMessage": why[:_LONGEST]}
    return Answer(200, json.dumps({"partialSuccess": partial} if rejected or why else {}).encode(), JSON)


def refused(refusal: Refusal, content_type: str) -> Answer:
    """The error as google.rpc.Status."""
    code, message = _RPC_CODES.get(refusal.status, _UNKNOWN), refusal.message[:_LONGEST]
    if content_type == PROTOBUF:
        body = Status(code=code, message=clean(message)).SerializeToString()
        return Answer(refusal.status, body, PROTOBUF, refusal.retry_after_s)
    body = json.dumps({"code": code, "message": message}).encode()
    return Answer(refusal.status, body, JSON, refusal.retry_after_s)

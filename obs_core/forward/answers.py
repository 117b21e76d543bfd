"""What the response to a request means: it was accepted, it is sent again, in halves, or never.

Source: opentelemetry-proto, docs/specification.md "OTLP/HTTP Response": 429, 502, 503 and 504 may be sent again, after
Retry-After or an exponential back-off with jitter; all other 4xx and 5xx must not; parts that a partial success rejects
must not either. 413 refuses the size: its halves are other requests.
"""

import json
import random
from typing import Any, Final, Literal, NamedTuple

from google.protobuf.message import DecodeError
from google.rpc.status_pb2 import Status

from obs_core.alerts.deliver.retry import retry_after_ns
from obs_core.clock import HOUR, SECOND, backoff
from obs_core.forward.client import Response
from obs_core.forward.endpoint import Endpoint
from obs_core.ingest.formats.protobuf import messages

FIRST_WAIT_S: Final = 1.0
LONGEST_WAIT_S: Final = 60.0
_LONGEST_ASKED_S: Final = HOUR / SECOND
_RETRIED: Final = frozenset({429, 502, 503, 504})
_TOO_LARGE: Final = 413
LOOP: Final = 508
"""Loop Detected: the receiver writes the log that the rows come from."""
_PROTOBUF: Final = "application/x-protobuf"
_REJECTED: Final = {
    "traces": ("rejected_spans", "rejectedSpans"),
    "logs": ("rejected_log_records", "rejectedLogRecords"),
}
_LONGEST: Final = 200  # characters of the other side's message
_SHORTEST_SECRET: Final = 4
_HINTS: Final = {
    401: " Check OBS_FORWARD_HEADERS.",
    403: " Check OBS_FORWARD_HEADERS.",
    404: " Check the path in OBS_FORWARD, and OBS_FORWARD_SIGNALS.",
    405: " Check the path in OBS_FORWARD.",
    415: " It does not take protobuf with gzip.",
}

Outcome = Literal["sent", "retry", "split", "refused", "loop"]


class Verdict(NamedTuple):
    """What to do; `text` is a sentence, empty if all is well, `rejected` the parts that were not accepted."""

    outcome: Outcome
    text: str = ""
    rejected: int = 0


def verdict(signal: str, response: Response, endpoint: Endpoint) -> Verdict:  # noqa: PLR0911 - one line per outcome
    """What the response to a request with rows of `signal` means."""
    status = response.status
    if status is None:
        return Verdict("retry", response.error)
    if 200 <= status < 300:  # noqa: PLR2004 - the success class of RFC 9110, section 15
        rejected, said = _partial(signal, response)
        if not (rejected or said):
            return Verdict("sent")
        what = f"{endpoint.name} did not accept {rejected:,} of the {signal}" if rejected else f"{endpoint.name} warns"
        return Verdict("sent", f"{what}{_quoted(said, endpoint)}.", rejected)
    said = _quoted(_message(response), endpoint)
    if status in _RETRIED:
        return Verdict("retry", f"{endpoint.name} answered {status}{said}.")
    if status == _TOO_LARGE:
        return Verdict("split", f"{endpoint.name} answered {status}: the request is too large{said}.")
    if status == LOOP:
        return Verdict("loop", f"{endpoint.name} writes this log itself.")
    redirect = "; redirects are not followed" if 300 <= status < 400 else ""  # noqa: PLR2004 - the redirections
    text = f"{endpoint.name} refused the {signal}: {status}{redirect}{said}.{_HINTS.get(status, '')}"
    return Verdict("refused", text)


def wait_s(failures: int, retry_after: str, now_ns: int) -> float:
    """How long to wait after `failures` failures in a row: as Retry-After says, else doubled each time, with jitter."""
    asked_ns = retry_after_ns(retry_after, now_ns) if retry_after else None
    if asked_ns is not None:
        return min(max((asked_ns - now_ns) / SECOND, 0.0), _LONGEST_ASKED_S) + random.uniform(0, 0.1)  # noqa: S311 - jitter
    return backoff(FIRST_WAIT_S, LONGEST_WAIT_S, failures) * random.uniform(0.5, 1)  # noqa: S311 - jitter


def _partial(signal: str, response: Response) -> tuple[int, str]:
    """How many parts a response of success rejects, and its message."""
    count, json_count = _REJECTED[signal]
    if response.content_type == _PROTOBUF:
        message: Any = messages.RESPONSES[signal]()
        try:
            message.ParseFromString(response.body)
        except (DecodeError, UnicodeDecodeError):
            return 0, ""
        return max(0, int(getattr(message.partial_success, count))), str(message.partial_success.error_message)
    partial = _object(response).get("partialSuccess")
    if not isinstance(partial, dict):
        return 0, ""
    rejected = str(partial.get(json_count) or "0")
    number = int(rejected) if rejected.isascii() and rejected.isdigit() and len(rejected) < 19 else 0  # noqa: PLR2004
    return number, str(partial.get("errorMessage") or "")


def _message(response: Response) -> str:
    """The message of a google.rpc.Status."""
    if response.content_type == _PROTOBUF:
        status = Status()
        try:
            status.ParseFromString(response.body)
        except (DecodeError, UnicodeDecodeError):
            return ""
        return str(status.message)
    return str(_object(response).get("message") or "")


def _object(response: Response) -> dict[str, Any]:
    if response.content_type != "application/json":
        return {}
    try:
        parsed = json.loads(response.body)
    except (ValueError, RecursionError):
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _quoted(text: str, endpoint: Endpoint) -> str:
    """The other side's message as a part of a sentence: one line, without the headers that it may repeat."""
    for value in endpoint.headers.values():
        for secret in {value, *value.split()}:
            if len(secret) >= _SHORTEST_SECRET:
                text = text.replace(secret, "…")
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    shown = line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
    return f": “{shown.rstrip('.')}”" if shown else ""

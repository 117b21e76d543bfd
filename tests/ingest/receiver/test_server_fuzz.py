"""Whatever comes, the receiver answers as the specification says, and stores a batch whole or not at all."""

import gzip
import json
import logging
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from google.protobuf.message import DecodeError
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from tests.ingest.sender import LOGS, METRICS, Sender, status_of
from tests.support.data import trace_file, trace_files

PROTOBUF, JSON = "application/x-protobuf", "application/json"
OFTEN = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


MESSAGES: dict[str, Any] = {
    "traces": ExportTraceServiceRequest,
    "logs": ExportLogsServiceRequest,
    "metrics": ExportMetricsServiceRequest,
}


class Batch(NamedTuple):
    """A request that a real program sent, or one of the specification's examples."""

    signal: str
    content_type: str
    body: bytes


def recorded() -> list[Batch]:
    result = [Batch("traces", PROTOBUF, path.read_bytes()) for path in trace_files("otel-demo", "otlp_pb")[:8]]
    result += [
        Batch("logs", PROTOBUF, LOGS.SerializeToString()),
        Batch("metrics", PROTOBUF, METRICS.SerializeToString()),
    ]
    for signal, name in (("traces", "traces_only.jsonl"), ("logs", "logs_only.jsonl")):
        lines = trace_file("otel-demo", name).read_bytes().splitlines()
        result += [Batch(signal, JSON, line) for line in lines if len(line) < 50_000][:5]
    for signal, name in (("traces", "trace.json"), ("logs", "logs.json"), ("metrics", "metrics.json")):
        result.append(Batch(signal, JSON, trace_file("otlp-spec", name).read_bytes()))
    return result


RECORDED = recorded()
EDITS = st.lists(
    st.tuples(
        st.sampled_from(["flip", "cut", "insert", "repeat", "end"]),
        st.floats(0, 1, exclude_max=True),
        st.integers(1, 40),
        st.binary(min_size=1, max_size=8),
    ),
    min_size=1,
    max_size=6,
)
STRANGE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=2**62, max_value=2**70),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["", "NaN", "\ud800", "0" * 32, "Z" * 16, "STATUS_CODE_ERROR", 10**400, [[]], [{}], {}, {"": {}}]),
    st.recursive(st.none(), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner)),
)


@pytest.fixture(scope="module")
def sender(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sender]:
    """One receiver for all examples: what one of them breaks, the next ones find."""
    result = Sender(tmp_path_factory.mktemp("fuzz") / "trace.db", OBS_OTLP_LIMIT_MB="2", OBS_SPOOL_MB="32")
    yield result
    result.intake.close()


def edited(body: bytes, edits: list[tuple[str, float, int, bytes]]) -> bytes:
    for kind, share, length, fresh in edits:
        at = int(share * len(body))
        if kind == "flip":
            body = (
                body[:at]
                + bytes(one ^ two for one, two in zip(body[at:], fresh, strict=False))
                + body[at + len(fresh) :]
            )
        elif kind == "cut":
            body = body[:at] + body[at + length :]
        elif kind == "insert":
            body = body[:at] + fresh + body[at:]
        elif kind == "repeat":
            body = body[:at] + body[at : at + length] * 3 + body[at + length :]
        else:
            body = body[:at]
    return body


def replaced(document: Any, turns: list[int], strange: Any) -> Any:  # noqa: ANN401 - JSON
    """The document with one of its parts, found by taking these turns, with something strange instead of the last."""
    if not turns or not isinstance(document, dict | list) or not document:
        return strange
    if isinstance(document, list):
        at = turns[0] % len(document)
        return [*document[:at], replaced(document[at], turns[1:], strange), *document[at + 1 :]]
    key = sorted(document)[turns[0] % len(document)]
    return document | {key: replaced(document[key], turns[1:], strange)}


def answered(sender: Sender, batch: Batch, body: bytes, encoding: str = "") -> tuple[int, int]:
    """Send it and hold the answer against the specification; return its status and how many rows were stored."""
    before = sender.receiver.tally.rows
    answer = sender.post(body, batch.signal, content_type=batch.content_type, content_encoding=encoding)
    stored = sender.receiver.tally.rows - before
    assert answer.headers["content-type"] == batch.content_type
    assert answer.status_code in (200, 400, 413, 415)
    if answer.status_code != 200:
        assert stored == 0
        code, message = status_of(answer)
        assert code in (3, 8)
        assert message
    return answer.status_code, stored


def unpacked(body: bytes, encoding: str) -> bytes | None:
    """What Python's own modules make of the body; None where they find it damaged."""
    try:
        if encoding == "gzip":
            return gzip.decompress(body)
        return zlib.decompress(body) if encoding == "deflate" and body else body  # nothing needs no packing
    except (zlib.error, EOFError, OSError):
        return None


def is_readable(batch: Batch) -> bool:
    """Whether the specification's own classes read it; of JSON, whether it is an object."""
    try:
        if batch.content_type == JSON:
            return isinstance(json.loads(batch.body), dict)
        MESSAGES[batch.signal].FromString(batch.body)
    except (ValueError, DecodeError):
        return False
    return True


@OFTEN
@given(st.sampled_from(RECORDED), EDITS)
def test_changed_bytes_are_read_or_refused(
    sender: Sender, caplog: pytest.LogCaptureFixture, batch: Batch, edits: list[tuple[str, float, int, bytes]]
) -> None:
    with caplog.at_level(logging.ERROR):
        answered(sender, batch, edited(batch.body, edits))
    assert not caplog.records  # no batch that can be parsed is refused by the mapping


@OFTEN
@given(
    st.sampled_from([batch for batch in RECORDED if batch.content_type == JSON]),
    st.lists(st.integers(0, 50), max_size=14),
    STRANGE,
)
def test_strange_parts_of_json_are_read_or_refused(
    sender: Sender,
    caplog: pytest.LogCaptureFixture,
    batch: Batch,
    turns: list[int],
    strange: Any,  # noqa: ANN401 - JSON
) -> None:
    body = json.dumps(replaced(json.loads(batch.body), turns, strange)).encode()
    with caplog.at_level(logging.ERROR):
        answered(sender, batch, body)
    assert not caplog.records


@OFTEN
@given(st.sampled_from(RECORDED), st.sampled_from(["gzip", "deflate", "br", "identity"]), EDITS)
def test_damaged_compression_is_refused_and_whole_compression_read_as_without(
    sender: Sender, batch: Batch, encoding: str, edits: list[tuple[str, float, int, bytes]]
) -> None:
    packed = gzip.compress(batch.body) if encoding == "gzip" else zlib.compress(batch.body)
    packed = packed if encoding in ("gzip", "deflate") else batch.body
    body = edited(packed, edits)
    status, stored = answered(sender, batch, body, encoding)
    plain = unpacked(body, encoding)
    if encoding == "br":
        assert status == 415
    elif plain is None:
        assert status in (400, 413)
    elif status == 200:
        assert answered(sender, batch, plain) == (200, stored)


@OFTEN
@given(st.sampled_from(["traces", "logs", "metrics"]), st.sampled_from([PROTOBUF, JSON]), st.binary(max_size=300))
@example("traces", JSON, b'{"resourceSpans": [{"resource": 1, "scopeSpans": [{"spans": [{}, 1, null]}]}]}')
@example("metrics", JSON, b'{"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"gauge": []}, {"sum": 1}]}]}]}')
def test_any_bytes_are_read_where_the_specifications_classes_read_them(
    sender: Sender, signal: str, content_type: str, body: bytes
) -> None:
    batch = Batch(signal, content_type, body)
    status, stored = answered(sender, batch, body)
    assert (status == 200) == is_readable(batch)
    assert stored == 0 or (status == 200 and body)


@OFTEN
@given(st.sampled_from([batch for batch in RECORDED if batch[:2] == ("traces", PROTOBUF)]), EDITS)
def test_of_a_batch_all_spans_are_stored_or_counted_as_rejected(
    sender: Sender, batch: Batch, edits: list[tuple[str, float, int, bytes]]
) -> None:
    body = edited(batch.body, edits)
    before = sender.receiver.tally.rows
    answer = sender.post(body)
    try:
        groups = ExportTraceServiceRequest.FromString(body).resource_spans
    except DecodeError:
        assert answer.status_code == 400
        return
    assert answer.status_code == 200
    rejected = ExportTraceServiceResponse.FromString(answer.content).partial_success.rejected_spans
    sent = sum(len(group.spans) for outer in groups for group in outer.scope_spans)
    assert sender.receiver.tally.rows - before == sent - rejected


def test_afterwards_the_log_holds_what_was_taken(tmp_path: Path) -> None:
    sender = Sender(tmp_path / "trace.db", OBS_SPOOL_MB="32")
    ids: set[tuple[str, str]] = set()
    for batch in RECORDED:
        assert sender.post(batch.body, batch.signal, content_type=batch.content_type).status_code == 200
        if batch[:2] == ("traces", PROTOBUF):
            for outer in ExportTraceServiceRequest.FromString(batch.body).resource_spans:
                ids |= {(one.trace_id.hex(), one.span_id.hex()) for group in outer.scope_spans for one in group.spans}
    assert ids
    assert ids <= set(sender.rows("trace_id, span_id", "kind = 'call'"))

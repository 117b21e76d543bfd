"""Small requests that would become large: refused before any object is made, with the name of the limit."""

import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from tests.ingest.receiver.test_receiving_programs import Running
from tests.ingest.sender import Sender, span, status_of, text, traces

JSON, PROTOBUF = "application/json", "application/x-protobuf"
SPANS = b'{"resourceSpans":[{"scopeSpans":[{"spans":['
ID = b'{"traceId":"' + b"e" * 32 + b'","spanId":"' + b"2" * 16 + b'","name":"a","startTimeUnixNano":"1","attributes":['
MEBIBYTE = 1 << 20


def field(number: int, content: bytes) -> bytes:
    """A field of protobuf with this content."""
    size, length = len(content), b""
    while size > 127:
        length += bytes([size & 127 | 128])
        size >>= 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + content


def filled(start: bytes, part: bytes, end: bytes, size: int = 60 * MEBIBYTE) -> bytes:
    return start + part * ((size - len(start) - len(end)) // len(part)) + end


ATTACKS: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "groups": (lambda: filled(b'{"resourceSpans":[', b"{},", b"{}]}"), JSON, "1,000,000 values"),
    "spans": (lambda: filled(SPANS, b"{},", b"{}]}]}]}"), JSON, "1,000,000 values"),
    "entries": (
        lambda: filled(SPANS + ID + b'{"key":"k","value":{"arrayValue":{"values":[', b"{},", b"{}]}}}]}]}]}]}"),
        JSON,
        "1,000,000 values",
    ),
    "UTF-16": (
        lambda: filled(b'{"resourceSpans":[', b"{},", b"{}]}", 30 * MEBIBYTE).decode().encode("utf-16"),
        JSON,
        "1,000,000 values",
    ),
    "deep": (lambda: b'{"resourceSpans":' + b"[" * 200_000 + b"]" * 200_000 + b"}", JSON, "nested too deeply"),
    "spans of protobuf": (lambda: field(1, field(2, filled(b"", b"\x12\x00", b""))), PROTOBUF, "1,000,000 spans"),
    "groups, then garbage": (lambda: filled(b"", b"\x0a\x00", b"\xff"), PROTOBUF, "1,000,000 spans"),
    "entries of protobuf": (
        lambda: field(
            1, field(2, field(2, field(9, field(1, b"k") + field(2, field(5, filled(b"", b"\x0a\x00", b""))))))
        ),
        PROTOBUF,
        "1,000,000 spans",
    ),
    "bomb": (lambda: gzip.compress(filled(SPANS, b"{},", b"{}]}]}]}")), JSON, "200 times its size"),
    "members": (lambda: gzip.compress(b"", mtime=0) * 1_000_000, JSON, "gzip members"),
}


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One receiver for all attacks: its memory is measured after all of them."""
    running = Running(tmp_path_factory.mktemp("limits") / "trace.db")
    yield running
    running.process.kill()
    running.end()


@pytest.mark.parametrize("name", ATTACKS)
def test_what_would_take_gigabytes_is_refused_before_it_is_parsed(receiver: Running, name: str) -> None:
    make, content_type, reason = ATTACKS[name]
    body = make()
    encoding = "gzip" if body.startswith(b"\x1f\x8b") else "identity"
    status, answer = receiver.request(body, {"Content-Type": content_type, "Content-Encoding": encoding})
    assert status == (400 if name == "deep" else 413)
    assert reason in answer.decode("utf-8", "replace")
    used = psutil.Process(receiver.process.pid)
    assert used.memory_info().rss < 450 * MEBIBYTE  # bodies of 60 MiB, as text of up to two bytes per character
    assert sum(used.cpu_times()[:2]) < 60
    assert receiver.post(1) == 200


def test_a_span_of_60_megabytes_is_rejected_and_the_others_are_stored(receiver: Running) -> None:
    body = traces([span(1), span(2, attributes=[text("a", "x" * (60 * MEBIBYTE))]), span(3)]).SerializeToString()
    status, answer = receiver.request(body, {"Content-Type": PROTOBUF})
    assert status == 200
    assert b"the spool takes" in answer


def test_values_nested_deeper_than_100_levels_are_cut_there_and_the_batch_is_stored(tmp_path: Path) -> None:
    sender = Sender(tmp_path / "trace.db")
    for number, levels in ((1, 99), (2, 250)):
        value = '{"arrayValue": {"values": [' * levels + '{"intValue": 1}' + "]}}" * levels
        named = SPANS + ID.replace(b"2" * 16, f"{number:016x}".encode()) + b'{"key":"k","value":' + value.encode()
        assert sender.post(named + b"}]}]}]}]}", content_type=JSON).status_code == 200
    for (attributes,), levels in zip(sender.rows("attributes"), (99, 100), strict=True):
        value = json.loads(attributes)["attributes"]["k"]
        for _ in range(levels):
            [value] = value
        assert value == (1 if levels == 99 else "nested deeper than 100 levels")


def test_the_number_of_parts_is_a_setting(tmp_path: Path) -> None:
    sender = Sender(tmp_path / "trace.db", OBS_OTLP_LIMIT_PARTS="100")
    batch = traces(span(number, attributes=[text("a", "b")]) for number in range(1, 50))
    answer = sender.post(batch.SerializeToString())
    assert answer.status_code == 413
    assert "OBS_OTLP_LIMIT_PARTS" in status_of(answer)[1]
    few = traces(span(number, attributes=[text("a", "b")]) for number in range(1, 30))
    assert sender.post(few.SerializeToString()).status_code == 200


def test_a_request_that_takes_too_long_is_refused_and_nothing_of_it_is_stored(tmp_path: Path) -> None:
    sender = Sender(tmp_path / "trace.db")
    sender.receiver.limits = replace(sender.receiver.limits, work_s=0)
    answer = sender.post(traces(span(number) for number in range(1, 500)).SerializeToString())
    assert answer.status_code == 413
    assert "send smaller batches" in status_of(answer)[1]
    assert sender.rows("id") == []

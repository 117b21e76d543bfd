"""The receiver, request by request: what it takes, what it answers, and what is in the log afterwards."""

import gzip
import json
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from obs_core.capture.drain.circuit_breaker import CircuitBreaker
from obs_core.store import log as store
from obs_core.store import sqlite
from tests.ingest.sender import LOGS, METRICS, START, TRACE, Sender, as_json, span, status_of, text, traces

THREE = traces(span(number) for number in (1, 2, 3))
JSON = "application/json"
Made = Callable[..., Sender]


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Made]:
    """Makes receivers with these variables set."""
    senders: list[Sender] = []

    def make(**environment: str) -> Sender:
        senders.append(Sender(tmp_path / "trace.db", **environment))
        return senders[-1]

    yield make
    for sender in senders:
        sender.intake.close()


@pytest.fixture
def sender(made: Made) -> Sender:
    return made()


def test_spans_in_protobuf_become_calls(sender: Sender) -> None:
    answer = sender.post(THREE.SerializeToString())
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-protobuf")
    assert not ExportTraceServiceResponse.FromString(answer.content).HasField("partial_success")
    expected = [
        ("call", "shop", "load", START + number, TRACE.hex(), f"{number:016x}", 5_000_000) for number in (1, 2, 3)
    ]
    assert sender.rows("kind, process_group, data, timestamp, trace_id, span_id, duration_ns") == expected


def test_spans_in_json_become_the_same_rows(made: Made, tmp_path: Path) -> None:
    first = made()
    first.post(THREE.SerializeToString())
    second = Sender(tmp_path / "json.db")
    answer = second.post(as_json(THREE), content_type="application/json; charset=utf-8")
    assert (answer.status_code, answer.headers["content-type"], answer.json()) == (200, JSON, {})
    every = ", ".join(store.COLUMNS)
    assert second.rows(every) == first.rows(every)


def test_a_log_record_is_joined_to_its_call(sender: Sender) -> None:
    assert sender.post(LOGS.SerializeToString(), "logs").content == b""
    result = sender.rows("kind, trace_id, parent_span_id, data_value, status, exception")
    assert result == [("log", TRACE.hex(), f"{1:016x}", "no price", "ERROR", "KeyError: 'x'")]


def test_a_gauge_becomes_a_value_and_a_point_that_cant_be_read_is_rejected_with_its_name(sender: Sender) -> None:
    answer = sender.post(as_json(METRICS), "metrics", content_type=JSON)
    assert answer.status_code == 200
    partial = answer.json()["partialSuccess"]
    assert partial["rejectedDataPoints"] == "1"
    assert "spread" in partial["errorMessage"]
    assert sender.rows("kind, data, data_value, timestamp") == [("value", "level", "1.5", START)]


def test_selected_attributes_become_values_of_their_calls(made: Made) -> None:
    sender = made(OBS_VALUES="item, price")
    sender.post(traces([span(1, attributes=[text("price", "12"), text("color", "red")])]).SerializeToString())
    result = sender.rows("kind, data_value, parent_span_id", "kind = 'value'")
    assert result == [("value", "12", f"{1:016x}")]


def test_an_empty_request_is_a_success(sender: Sender) -> None:
    for signal in ("traces", "logs", "metrics"):
        assert sender.post(b"", signal).status_code == 200
        assert sender.post(b"{}", signal, content_type=JSON).json() == {}
    assert sender.post(b'{"resourceSpans": null}', content_type=JSON).json() == {}


def test_a_batch_that_is_sent_again_changes_nothing(sender: Sender) -> None:
    for _ in range(3):
        assert sender.post(THREE.SerializeToString()).status_code == 200
        assert sender.post(LOGS.SerializeToString(), "logs").status_code == 200
        assert sender.post(METRICS.SerializeToString(), "metrics").status_code == 200
    assert sorted(sender.rows("kind")) == [("call",)] * 3 + [("log",), ("value",)]


@pytest.mark.parametrize("apart", [False, True])
def test_a_span_that_first_came_without_its_end_is_replaced(made: Made, tmp_path: Path, *, apart: bool) -> None:
    sender = made()
    sender.post(traces([span(1, ms=None), span(2)]).SerializeToString())
    if apart:
        assert sender.rows("span_id, duration_ns") == [(f"{1:016x}", None), (f"{2:016x}", 5_000_000)]
    sender.post(traces([span(1, ms=7)]).SerializeToString())
    sender.post(traces([span(1, ms=None)]).SerializeToString())
    assert sender.rows("id, span_id, duration_ns") == [(2, f"{2:016x}", 5_000_000), (3, f"{1:016x}", 7_000_000)]
    connection = sqlite.connect(tmp_path / "trace.db")
    assert connection.execute("SELECT id FROM superseded").fetchall() == [(1,)]
    connection.close()


@pytest.mark.parametrize(
    "packed",
    [
        ("gzip", gzip.compress),
        ("GZIP", gzip.compress),
        ("deflate", zlib.compress),
        ("identity", bytes),
        ("gzip", lambda body: gzip.compress(body[:50]) + gzip.compress(body[50:])),
    ],
)
def test_compressed_bodies_are_unpacked(sender: Sender, packed: tuple[str, Callable[[bytes], bytes]]) -> None:
    name, pack = packed
    assert sender.post(pack(THREE.SerializeToString()), content_encoding=name).status_code == 200
    assert len(sender.rows("id")) == 3


@pytest.mark.parametrize("type_", ["text/plain", "", "application/json2", "multipart/form-data; boundary=x"])
def test_other_content_types_are_415(sender: Sender, type_: str) -> None:
    answer = sender.post(b"{}", content_type=type_)
    assert answer.status_code == 415
    assert "application/x-protobuf" in status_of(answer)[1]


def test_other_encodings_are_415(sender: Sender) -> None:
    answer = sender.post(THREE.SerializeToString(), content_encoding="br")
    assert (answer.status_code, answer.headers["content-type"]) == (415, "application/x-protobuf")
    assert "gzip" in status_of(answer)[1]


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"\xff\xff", {}),
        (THREE.SerializeToString()[:-3], {}),
        (gzip.compress(THREE.SerializeToString())[:-9], {"content_encoding": "gzip"}),
        (b"no gzip", {"content_encoding": "gzip"}),
        (b"no deflate", {"content_encoding": "deflate"}),
        (b"{", {"content_type": JSON}),
        (b"[]", {"content_type": JSON}),
        (b"1", {"content_type": JSON}),
        (b'{"resourceSpans": {}}', {"content_type": JSON}),
        (b'{"resourceSpans": [1]}', {"content_type": JSON}),
        (b"[" * 100_000, {"content_type": JSON}),
        (b"\xff\xfe{", {"content_type": JSON}),
        (b"", {"content_type": JSON}),
    ],
)
def test_what_cannot_be_read_is_400_in_the_senders_type(sender: Sender, body: bytes, headers: dict[str, str]) -> None:
    answer = sender.post(body, **headers)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == headers.get("content_type", "application/x-protobuf")
    assert "retry-after" not in answer.headers
    code, message = status_of(answer)
    assert code == 3  # INVALID_ARGUMENT
    assert message


def test_the_limit_holds_before_and_after_decompression(made: Made) -> None:
    sender = made(OBS_OTLP_LIMIT_MB="1", OBS_SPOOL_MB="8")
    mebibyte = 1 << 20
    fits = b'{"x": "' + b"a" * (mebibyte - 9) + b'"}'
    assert len(fits) == mebibyte
    for body, status in ((fits, 200), (fits + b" ", 413), (b" " * 200 * mebibyte, 413)):
        assert sender.post(gzip.compress(body), content_type=JSON, content_encoding="gzip").status_code == status
    assert sender.post(fits, content_type=JSON).status_code == 200
    answer = sender.post(fits + b" ", content_type=JSON)
    assert answer.status_code == 413
    assert "OBS_OTLP_LIMIT_MB" in status_of(answer)[1]


def test_spans_without_a_usable_id_are_counted_and_the_others_are_stored(sender: Sender) -> None:
    spans = [span(1), span(2, trace_id=bytes(16)), span(3, span_id=b"short"), span(4)]
    partial = ExportTraceServiceResponse.FromString(sender.post(traces(spans).SerializeToString()).content)
    assert partial.partial_success.rejected_spans == 2
    assert "without a usable id" in partial.partial_success.error_message
    assert sender.rows("span_id") == [(f"{1:016x}",), (f"{4:016x}",)]


def test_a_row_larger_than_a_segment_of_the_spool_is_rejected_alone(sender: Sender) -> None:
    spans = [span(1), span(2, attributes=[text("page", "a" * 300_000)]), span(3)]
    partial = ExportTraceServiceResponse.FromString(sender.post(traces(spans).SerializeToString()).content)
    assert partial.partial_success.rejected_spans == 1
    assert "the spool takes 262,144" in partial.partial_success.error_message
    assert len(sender.rows("id")) == 2


def test_a_batch_that_never_fits_is_413_and_nothing_of_it_is_stored(sender: Sender) -> None:
    spans = [span(number, attributes=[text("page", "a" * 100_000)]) for number in range(1, 20)]
    answer = sender.post(traces(spans).SerializeToString())
    assert answer.status_code == 413
    assert "OBS_SPOOL_MB" in status_of(answer)[1]
    assert sender.rows("id") == []


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:4318"},
        {"sec_fetch_site": "cross-site"},
        {"host": "evil.example"},
        {"host": "evil.example:4318"},
        {"host": "127.0.0.1.evil.example"},
        {"host": "[::1].evil.example"},
        {"host": ""},
    ],
)
def test_a_web_page_cannot_send(sender: Sender, headers: dict[str, str]) -> None:
    answer = sender.post(THREE.SerializeToString(), **headers)
    assert (answer.status_code, status_of(answer)[0]) == (403, 7)  # PERMISSION_DENIED
    assert answer.headers["content-type"] == "application/x-protobuf"
    assert "access-control-allow-origin" not in answer.headers
    assert sender.ask("GET", "/healthz", b"", **headers).status_code == 403
    assert sender.rows("id") == []


def test_a_browser_that_asks_first_is_not_let_in(sender: Sender) -> None:
    answer = sender.ask("OPTIONS", "/v1/traces", origin="http://evil.example", access_control_request_method="POST")
    assert answer.status_code == 405
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("host", ["localhost:4318", "LOCALHOST", "[::1]:4318", "10.1.2.3:4318", "app.localhost"])
def test_addresses_and_own_names_may_be_called(sender: Sender, host: str) -> None:
    assert sender.post(THREE.SerializeToString(), host=host).status_code == 200


def test_the_name_it_listens_on_may_be_called(made: Made) -> None:
    sender = made(OBS_OTLP_HOST="collector.lan")
    assert sender.post(b"", host="collector.lan:4318").status_code == 200


def test_with_a_token_only_who_shows_it_may_send_by_whatever_name(made: Made) -> None:
    sender = made(OBS_OTLP_TOKEN="s3cret")  # noqa: S106 - the test's own
    for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "Basic s3cret"}, {"authorization": ""}):
        answer = sender.post(b"", **headers)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert sender.ask("GET", "/healthz").json() == {"status": "ok"}
    assert sender.ask("GET", "/healthz", authorization="Bearer s3cret").json()["log"] == str(sender.log)
    assert sender.post(b"", authorization="bearer s3cret", host="collector.example").status_code == 200
    assert sender.post(b"", authorization="Bearer s3cret", origin="http://evil.example").status_code == 403


def test_the_token_of_the_dashboard_is_the_receivers_unless_it_has_its_own(made: Made) -> None:
    sender = made(OBS_TOKEN="shared")  # noqa: S106 - the test's own
    assert sender.post(b"").status_code == 401
    assert sender.post(b"", authorization="Bearer shared").status_code == 200
    sender = made(OBS_TOKEN="shared", OBS_OTLP_TOKEN="own")  # noqa: S106 - as above
    assert sender.post(b"", authorization="Bearer shared").status_code == 401
    assert sender.post(b"", authorization="Bearer own").status_code == 200


def test_who_guesses_tokens_has_to_wait_and_who_repeats_one_does_not(made: Made) -> None:
    sender = made(OBS_OTLP_TOKEN="s3cret")  # noqa: S106 - the test's own
    for _ in range(20):
        assert sender.post(b"", authorization="Bearer old").status_code == 401
    assert sender.post(b"", authorization="Bearer s3cret").status_code == 200
    for number in range(9):
        assert sender.post(b"", authorization=f"Bearer {number}").status_code == 401
    answer = sender.post(b"", authorization="Bearer s3cret")
    assert (answer.status_code, status_of(answer)[0]) == (429, 8)  # RESOURCE_EXHAUSTED
    assert 1 <= int(answer.headers["retry-after"]) <= 60


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v1/traces", 405), ("PUT", "/v1/logs", 405), ("POST", "/v1/profiles", 404), ("GET", "/", 404)],
)
def test_other_paths_and_methods_get_the_right_ones_in_the_error(
    sender: Sender, method: str, path: str, status: int
) -> None:
    answer = sender.ask(method, path)
    assert answer.status_code == status
    assert "/v1/traces" in status_of(answer)[1]
    assert (answer.headers.get("allow") == "POST") is (status == 405)


def test_a_full_spool_is_503_and_what_was_answered_200_is_stored_whole(sender: Sender) -> None:
    store.open_log(sender.log).close()
    lock = sqlite.connect(sender.log, write=True)
    lock.execute("BEGIN IMMEDIATE")
    taken: list[int] = []
    for batch in range(100):
        numbers = range(batch * 50 + 1, batch * 50 + 51)
        padded = traces(span(number, attributes=[text("page", "a" * 500)]) for number in numbers)
        answer = sender.post(padded.SerializeToString())
        if answer.status_code == 503:
            break
        assert answer.status_code == 200
        taken += numbers
    assert answer.status_code == 503
    assert 1 <= int(answer.headers["retry-after"]) <= 30
    assert status_of(answer)[0] == 14  # UNAVAILABLE
    health = sender.ask("GET", "/healthz")
    assert health.status_code == 503
    assert health.json()["rows"] == len(taken) > 0
    lock.rollback()
    lock.close()
    assert [row[0] for row in sender.rows("span_id")] == [f"{number:016x}" for number in taken]


def test_while_the_log_cannot_be_written_for_long_the_answer_is_503(sender: Sender) -> None:
    assert sender.post(THREE.SerializeToString()).status_code == 200
    assert sender.intake._writer is not None
    sender.intake._writer.drain.breaker = CircuitBreaker("open", 4, time.monotonic() + 100)
    answer = sender.post(THREE.SerializeToString())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
    sender.intake._writer.drain.breaker = CircuitBreaker()
    assert sender.post(THREE.SerializeToString()).status_code == 200


def test_without_a_spool_nothing_is_promised_until_there_is_one(sender: Sender, tmp_path: Path) -> None:
    (tmp_path / "trace.db.d").write_text("a file where the folder should be")
    answer = sender.post(THREE.SerializeToString())
    assert answer.status_code == 503
    assert "no spool" in status_of(answer)[1]
    (tmp_path / "trace.db.d").unlink()
    assert sender.post(THREE.SerializeToString()).status_code == 200
    assert len(sender.rows("id")) == 3


def test_health_reports_the_log_and_the_counts(sender: Sender) -> None:
    assert sender.ask("GET", "/healthz").json()["batches"] == 0
    sender.post(THREE.SerializeToString())
    sender.post(b"\xff")
    given = sender.ask("GET", "/healthz").json()
    assert (given["status"], given["log"], given["batches"], given["rows"]) == ("ok", str(sender.log), 1, 3)
    assert (given["rejected"], given["refused"]) == (0, 1)


def test_hostile_spans_are_stored_as_they_are(sender: Sender) -> None:
    long = "n" * 25_000
    spans = [span(1, name=long), span(2, name=""), span(4, name="a\x00b")]
    assert sender.post(traces(spans).SerializeToString()).status_code == 200
    surrogate = json.loads(as_json(traces([span(5)])))
    surrogate["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["name"] = "half \ud800"
    assert sender.post(json.dumps(surrogate).encode(), content_type=JSON).status_code == 200
    assert [row[0] for row in sender.rows("data")] == [long, "", "a\x00b", "half \ufffd"]

"""Forwarding to real servers: what arrives, what is sent again, and what is said."""

import gzip
import json
import socket
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from obs_core.errors import PermanentFailure
from obs_core.forward import positions, status_file
from obs_core.forward.positions import Position, Positions
from obs_core.forward.reading import BATCH_ROWS
from obs_core.model import Row
from obs_core.store import log as log_file
from obs_core.store import sqlite
from tests.forward.conftest import calls, collector, eventually, forwarded, forwarding, readings, stored
from tests.support import receivers, table
from tests.support.receivers import Post, Receiving, answers, receiver

TRACES = {"OBS_FORWARD_SIGNALS": "traces"}
LOGS = {"OBS_FORWARD_SIGNALS": "logs"}
OK = "200 OK"
TIMES = (-(2**63) + 1, -1, 0, 2**63 - 2)
"""Times of a clock that jumped; rows are sent in the order of their ids."""


def base(receiving: Receiving) -> str:
    return receiving.url.removesuffix("/hook")


def names(posts: list[Post]) -> list[str]:
    """The names of the spans in these requests."""
    return [
        span.name
        for post in posts
        for group in ExportTraceServiceRequest.FromString(gzip.decompress(post.body)).resource_spans
        for inner in group.scope_spans
        for span in inner.spans
    ]


def position(log: Path, endpoint: str, name: str = "traces") -> Position:
    known = Positions(log, endpoint).of(name)
    assert known
    return known


def sent(log: Path, endpoint: str) -> int:
    known = Positions(log, endpoint).of("traces")
    return known.sent if known else 0


def same(rows: list[Row]) -> Counter[tuple[object, ...]]:
    """The rows without what a log gives by itself: ids of tables, and the id of a row that had none."""
    return Counter(tuple(row._replace(span_id=None, code_id=None, run_id=None, attributes=None)) for row in rows)


def test_another_log_gets_all_rows_as_they_are(tmp_path: Path) -> None:
    log, rows = tmp_path / "a.db", [*calls(700), *readings(900)]
    failed = calls(1, 800)[0]._replace(status="ERROR", exception="KeyError: 'x'", exception_stack="Traceback …")
    record = Row("log", "shop-1", "shop", 5, "shop", "string", "no price", "ERROR", trace_id="b" * 32, span_id="c" * 16)
    rows += [row._replace(timestamp=time_ns) for row, time_ns in zip(calls(4, 900), TIMES, strict=True)]
    odd = Row(
        "call", "p", "without ids", -7, data_value='"\0\u2028😀', attributes='{"attributes": {"\\ud800": [1e400]}}'
    )
    rows += [failed, record, odd]
    table.store(log, rows)
    with collector(tmp_path / "b.db") as there:
        running = forwarded(log, there.address)
        there.wait_for(len(rows))
    assert running.error is None
    assert same(stored(tmp_path / "b.db")) == same(rows)
    assert all(row.span_id for row in stored(tmp_path / "b.db"))
    [back] = stored(tmp_path / "b.db", "data = 'without ids'")
    assert back.attributes == odd.attributes
    assert position(log, there.address).sent + position(log, there.address, "logs").sent == len(rows)


def test_what_was_sent_is_not_sent_again_but_what_comes_is(tmp_path: Path) -> None:
    log = tmp_path / "a.db"
    table.store(log, calls(3))
    with receiver(answers(OK)) as there:
        forwarded(log, base(there), **TRACES)
        forwarded(log, base(there), **TRACES)
        assert names(there.posts) == ["f0", "f1", "f2"]
        table.store(log, calls(1, 3))
        forwarded(log, base(there), **TRACES)
    assert names(there.posts) == ["f0", "f1", "f2", "f3"]
    assert {post.path for post in there.posts} == {"/v1/traces"}


def test_a_new_endpoint_begins_with_the_newest_row(tmp_path: Path) -> None:
    log = tmp_path / "a.db"
    table.store(log, calls(3))
    with receiver(answers(OK)) as there, forwarding(log, base(there), OBS_FORWARD_FROM="newest", **TRACES):
        assert eventually(lambda: Positions(log, base(there)).of("traces") is not None)
        table.store(log, calls(2, 3))
        assert eventually(lambda: len(there.posts) > 0)
    assert names(there.posts)[:1] == ["f3"]


def test_a_log_that_comes_later_is_sent_whole(tmp_path: Path) -> None:
    log = tmp_path / "a.db"
    with receiver(answers(OK)) as there, forwarding(log, base(there), OBS_FORWARD_FROM="newest", **TRACES) as running:
        assert eventually(lambda: any("No trace log" in text for text in running.said))
        table.store(log, calls(2))
        assert eventually(lambda: len(names(there.posts)) == 2)


def test_a_span_is_sent_when_it_has_ended_and_again_when_it_is_replaced(tmp_path: Path) -> None:
    log, [call] = tmp_path / "a.db", calls(1)
    begun = call._replace(duration_ns=None, status="UNSET")
    table.store(log, [begun])
    with receiver(answers(OK)) as there:
        forwarded(log, base(there), **TRACES)
        assert there.posts == []
        table.store(log, [call])
        forwarded(log, base(there), **TRACES)
        assert names(there.posts) == ["f0"]
        failed = calls(1, 1)[0]._replace(status="ERROR")
        exception = Row("log", "shop-1", "log", 9, exception="KeyError: 1", trace_id=failed.trace_id, span_id="9" * 16)
        table.store(log, [failed])
        forwarded(log, base(there), **TRACES)
        table.store(log, [exception._replace(parent_span_id=failed.span_id)])  # completes the call
        forwarded(log, base(there), **TRACES)
    assert names(there.posts) == ["f0", "f1", "f1"]
    assert b"KeyError" in gzip.decompress(there.posts[-1].body)


def test_the_receiver_of_the_same_log_is_refused(tmp_path: Path) -> None:
    log = tmp_path / "a.db"
    table.store(log, calls(3))
    with collector(log) as itself:
        running = forwarded(log, itself.address)
        assert isinstance(running.error, PermanentFailure)
        assert running.error.message.endswith("writes this log itself.")
        assert itself.row_count() == 3
    with collector(tmp_path / "b.db") as other:
        assert forwarded(log, other.address).error is None
        other.wait_for(3)


def test_a_loop_over_two_logs_ends(tmp_path: Path) -> None:
    one, other = tmp_path / "a.db", tmp_path / "b.db"
    table.store(one, [*calls(5), *readings(5)])
    with collector(one) as first, collector(other) as second:
        for _ in range(3):
            forwarded(one, second.address)
            second.wait_for(10)
            forwarded(other, first.address)
        assert eventually(
            lambda: first.row_count() == 15
        )  # values get an id at the other log, and come back once with it
        for _ in range(3):
            forwarded(one, second.address)
            forwarded(other, first.address)
    assert (len(stored(one)), len(stored(other))) == (15, 10)


@pytest.mark.parametrize("status", ["429 Too Many", "502 Bad", "503 Away", "504 Late", "503 Away\r\nRetry-After: 1"])
def test_a_request_that_may_be_repeated_is_repeated(tmp_path: Path, status: str) -> None:
    log = tmp_path / "a.db"
    table.store(log, calls(2))
    with receiver(answers(status, OK)) as there:
        running = forwarded(log, base(there), **TRACES)
    assert [post.body for post in there.posts] == [there.posts[0].body] * 2
    assert any(f"answered {status[:3]}" in text for text in running.said)
    assert (position(log, base(there)).sent, position(log, base(there)).refused) == (2, 0)


@pytest.mark.parametrize("status", [400, 401, 404, 301, 500])
def test_a_batch_that_is_refused_is_counted_and_not_sent_again(tmp_path: Path, status: int) -> None:
    log = tmp_path / "a.db"
    table.store(log, calls(BATCH_ROWS + 3))
    body = json.dumps({"code": 3, "message": "token-of-team is wrong,\r\nsee Bearer token-of-team"}).encode()
    head = f"{status} No\r\nContent-Type: application/json"
    headers = "Authorization=Bearer%20token-of-team,X-Team=a%2Cb"
    with receiver(answers(head, OK, body=body)) as there:
        running = forwarded(log, base(there), OBS_FORWARD_HEADERS=headers, **TRACES)
    assert [len(names([post])) for post in there.posts] == [BATCH_ROWS, 3]
    assert there.posts[0].headers["authorization"] == "Bearer token-of-team"
    assert there.posts[0].headers["x-team"] == "a,b"
    after = position(log, base(there))
    assert (after.refused, after.sent, after.up_to_id) == (BATCH_ROWS, 3, BATCH_ROWS + 3)
    assert f"refused the traces: {status}" in after.refusal
    everything = "".join([*running.said, *(path.read_text() for path in (tmp_path / "a.db.d").glob("forward*"))])
    assert "is wrong, see" in everything
    assert "token-of-team" not in everything


def test_a_request_that_is_too_large_is_sent_in_halves(tmp_path: Path) -> None:
    log = tmp_path / "a.db"
    table.store(log, calls(9))
    largest = 4

    def limited(client: socket.socket, receiving: Receiving) -> None:
        post = receivers.read(client)
        status = "413 Too Large" if len(names([post])) > largest else OK
        if status == OK:
            receiving.posts.append(post)
        client.sendall(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())

    with receiver(limited) as there:
        forwarded(log, base(there), **TRACES)
    assert names(there.posts) == [f"f{number % 7}" for number in range(9)]
    assert position(log, base(there)).sent == 9


def test_one_row_that_is_too_large_is_refused_alone(tmp_path: Path) -> None:
    log = tmp_path / "a.db"
    table.store(log, [row._replace(data="large" if number == 2 else row.data) for number, row in enumerate(calls(4))])

    def limited(client: socket.socket, receiving: Receiving) -> None:
        post = receivers.read(client)
        if "large" not in names([post]):
            receiving.posts.append(post)
        status = "413 Too Large" if "large" in names([post]) else OK
        client.sendall(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())

    with receiver(limited) as there:
        forwarded(log, base(there), **TRACES)
    assert names(there.posts) == ["f0", "f1", "f3"]
    assert (position(log, base(there)).sent, position(log, base(there)).refused) == (3, 1)


@pytest.mark.parametrize("encoding", ["application/x-protobuf", "application/json; charset=utf-8"])
def test_a_partial_success_is_counted_and_not_repeated(tmp_path: Path, encoding: str) -> None:
    log = tmp_path / "a.db"
    table.store(log, calls(5))
    message = ExportTraceServiceResponse()
    message.partial_success.rejected_spans, message.partial_success.error_message = 2, "two are too old"
    as_json = {"partialSuccess": {"rejectedSpans": "2", "errorMessage": "two are too old"}}
    body = json.dumps(as_json).encode() if "json" in encoding else message.SerializeToString()
    with receiver(answers(f"{OK}\r\nContent-Type: {encoding}", body=body)) as there:
        forwarded(log, base(there), **TRACES)
    assert len(there.posts) == 1
    after = position(log, base(there))
    assert (after.sent, after.rejected, after.refused) == (3, 2, 0)
    assert after.refusal.endswith("did not accept 2 of the traces: “two are too old”.")


@pytest.mark.parametrize("behave", ["hangs", "hangs_up", "garbage", "drips"])
def test_a_server_that_does_not_answer_is_asked_again(tmp_path: Path, behave: str) -> None:
    log = tmp_path / "a.db"
    table.store(log, calls(2))
    asked: list[int] = []

    def first_odd(client: socket.socket, receiving: Receiving) -> None:
        asked.append(1)
        (getattr(receivers, behave) if len(asked) == 1 else answers(OK))(client, receiving)

    with receiver(first_odd) as there:
        running = forwarded(log, base(there), OBS_FORWARD_TIMEOUT_S="1", **TRACES)
    assert len(asked) > 1
    assert names(there.posts)[-2:] == ["f0", "f1"]
    assert running.error is None
    assert "Traceback" not in "".join(running.said)


@pytest.mark.parametrize("behave", [receivers.body_hangs, receivers.endless])
def test_a_response_without_an_end_counts_by_its_status(tmp_path: Path, behave: receivers.Behave) -> None:
    log = tmp_path / "a.db"
    table.store(log, calls(2))
    with receiver(behave) as there:
        forwarded(log, base(there), OBS_FORWARD_TIMEOUT_S="1", **TRACES)
    assert len(there.posts) == 1


def test_an_endpoint_that_is_away_gets_all_rows_when_it_is_back(tmp_path: Path) -> None:
    log = tmp_path / "a.db"
    table.store(log, calls(5))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with forwarding(log, f"http://127.0.0.1:{port}") as running:
        assert eventually(lambda: any("Nothing listens" in text for text in running.said))
        table.store(log, [*calls(600, 5), *readings(7)])
        assert eventually(lambda: bool((status := status_file.read(log)) and status.signals[0].behind == 612))
        with collector(tmp_path / "b.db", port) as there:
            there.wait_for(612)
    assert same(stored(tmp_path / "b.db")) == same(stored(log))


def test_logs_that_are_not_answered_do_not_hold_up_traces(tmp_path: Path) -> None:
    log = tmp_path / "a.db"
    table.store(log, [*readings(5), *calls(5)])

    def traces_only(client: socket.socket, receiving: Receiving) -> None:
        receiving.posts.append(receivers.read(client))
        if receiving.posts[-1].path == "/v1/logs":
            receiving.released.wait(60)
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with receiver(traces_only) as there, forwarding(log, base(there)):
        assert eventually(lambda: sent(log, base(there)) == 5)
        table.store(log, calls(5, 5))
        assert eventually(lambda: sent(log, base(there)) == 10)
        assert position(log, base(there), "logs").sent == 0


def test_a_locked_log_is_read_later(tmp_path: Path) -> None:
    """A log that another program made, without a write-ahead log: its writer keeps all readers out."""
    log = tmp_path / "a.db"
    columns = '"Process", "Data", "Data Type", "Data Value", "Timestamp", "Status", "Exception"'
    with closing(sqlite.connect(log, create=True)) as connection:
        connection.execute(f"CREATE TABLE data_trace ({columns})")
        connection.execute("INSERT INTO data_trace VALUES ('p', 'x', 'int', '5', 1767225600000000000, 'OK', '')")
        connection.execute("BEGIN EXCLUSIVE")
        with receiver(answers(OK)) as there, forwarding(log, base(there), **LOGS) as running:
            assert eventually(lambda: any("is locked by another program" in text for text in running.said))
            connection.execute("COMMIT")
            assert eventually(lambda: len(there.posts) == 1)
    [group] = ExportLogsServiceRequest.FromString(gzip.decompress(there.posts[0].body)).resource_logs
    assert group.scope_logs[0].log_records[0].body.string_value == "5"


def test_another_log_of_the_same_name_is_sent_from_its_beginning(tmp_path: Path) -> None:
    log = tmp_path / "a.db"
    table.store(log, calls(5))
    with receiver(answers(OK)) as there, forwarding(log, base(there), **TRACES):
        assert eventually(lambda: len(names(there.posts)) == 5)
        table.store(tmp_path / "new.db", calls(8, 100))
        for end in ("-wal", "-shm", ""):
            Path(f"{log}{end}").unlink(missing_ok=True)
        (tmp_path / "new.db").rename(log)
        assert eventually(lambda: len(names(there.posts)) == 13)
    assert position(log, base(there)).up_to_id == 8


def test_rows_that_retention_deleted_before_they_were_sent_are_counted(tmp_path: Path) -> None:
    log = tmp_path / "a.db"
    table.store(log, calls(10))
    with receiver(answers(OK)) as there:
        forwarded(log, base(there), **TRACES)
        table.store(log, calls(10, 10))
        with closing(log_file.open_log(log)) as connection:
            connection.execute("DELETE FROM data_trace WHERE id <= 14")
        forwarded(log, base(there), **TRACES)
    assert (position(log, base(there)).lost, position(log, base(there)).sent) == (4, 16)


def test_nothing_more_is_sent_while_the_position_can_not_be_written(tmp_path: Path) -> None:
    log = tmp_path / "a.db"
    table.store(log, calls(1))
    with receiver(answers(OK)) as there, forwarding(log, base(there), **TRACES) as running:
        assert eventually(lambda: len(there.posts) == 1 and position(log, base(there)).sent == 1)
        path = positions.path_of(log)
        path.rename(path.with_suffix(".old"))
        path.mkdir()
        table.store(log, calls(1, 1))
        assert eventually(lambda: any("position can't be written" in text for text in running.said))
        table.store(log, calls(1, 2))
        assert len(there.posts) == 2
        path.rmdir()
        assert eventually(lambda: len(there.posts) == 3)
    assert names(there.posts) == ["f0", "f1", "f2"]


def test_long_and_damaged_cells_do_not_hold_up_others(tmp_path: Path) -> None:
    log = tmp_path / "a.db"
    rows = calls(5)
    table.store(log, [rows[0], rows[1]._replace(data_value="x" * 3_000_000), *rows[2:]])
    with closing(log_file.open_log(log)) as connection:
        connection.execute("UPDATE data_trace SET data = CAST(x'ff66' AS TEXT) WHERE id = 3")
    with receiver(answers(OK)) as there:
        forwarded(log, base(there), **TRACES)
    assert names(there.posts) == ["f0", "f1", "\ufffdf", "f3", "f4"]
    assert sum(len(gzip.decompress(post.body)) for post in there.posts) < 100_000


def test_a_second_forwarder_waits_until_the_first_ends(tmp_path: Path) -> None:
    log = tmp_path / "a.db"
    table.store(log, calls(1))
    with receiver(answers(OK)) as there, forwarding(log, base(there), **TRACES) as first:
        assert eventually(lambda: len(there.posts) == 1)
        with forwarding(log, base(there), **TRACES) as second:
            assert eventually(lambda: any("waiting until it ends" in text for text in second.said))
            first.stop.set()
            assert eventually(lambda: any(text.startswith("Forwarding") for text in second.said))
    assert len(there.posts) == 1


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_hundred_thousand_rows_arrive(tmp_path: Path) -> None:
    log = tmp_path / "a.db"
    table.store(log, [*calls(90_000), *readings(10_000)])
    with collector(tmp_path / "b.db") as there, forwarding(log, there.address):
        there.wait_for(100_000)
    assert same(stored(tmp_path / "b.db")) == same(stored(log))


def test_a_signal_ends_a_request_that_hangs(tmp_path: Path) -> None:
    log = tmp_path / "a.db"
    table.store(log, calls(1))
    with receiver(receivers.hangs) as there, forwarding(log, base(there), OBS_FORWARD_TIMEOUT_S="300", **TRACES) as one:
        assert eventually(lambda: len(there.posts) == 1)
        one.stop.set()
        one.thread.join(30)
        assert not one.thread.is_alive()
    assert position(log, base(there)).sent == 0


def test_tls_is_verified_by_the_authorities_of_the_file(tmp_path: Path) -> None:
    log = tmp_path / "a.db"
    table.store(log, calls(2))
    certificate = receivers.make_certificate(tmp_path)
    with receiver(answers(OK), certificate) as there:
        with forwarding(log, base(there), **TRACES) as running:
            assert eventually(lambda: any("is not trusted: self-signed certificate" in text for text in running.said))
        assert there.posts == []
        forwarded(log, base(there), OBS_FORWARD_CERTIFICATE=str(certificate), **TRACES)
    assert names(there.posts) == ["f0", "f1"]

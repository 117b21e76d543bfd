"""The receiver as a process: OpenTelemetry's own exporters send to it, and it is killed in the middle."""

import http.client
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from obs_core.store import log as store
from obs_core.store import sqlite
from tests.ingest.sender import span, text, traces

TIMEOUT_S = 60
SHOP = Resource({"service.name": "shop", "service.instance.id": "shop-1"})
BATCH = 40


class Running:
    """A receiver as a process of its own, which ends with its standard input."""

    def __init__(self, log: Path, *, descriptors: int = 0, **environment: str) -> None:
        """Start it on any free port, with at most so many open files if it is not 0."""
        command = [sys.executable, "-m", "obs_core", "ingest", "--child", "--port", "0", "--log", str(log)]
        if descriptors:
            command = ["sh", "-c", f'ulimit -n {descriptors} && exec "$@"', "sh", *command]
        environment = {**os.environ, "OBS_SPOOL_MB": "1", **environment}
        self.log = log
        self.process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        self.address = str(json.loads(self.process.stdout.readline())["address"])

    def post(self, number: int) -> int:
        """Send the batch `number`; return the status of the answer."""
        return self.request(batch(number), {"Content-Type": "application/x-protobuf"})[0]

    def request(self, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        """Send one request; return the status and the body of the answer."""
        connection = http.client.HTTPConnection(self.address.removeprefix("http://"), timeout=TIMEOUT_S)
        try:
            connection.request("POST", "/v1/traces", body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def end(self, how: signal.Signals | None = None) -> int:
        """End it, by a signal or as a parent's end does; return its exit code."""
        if how is not None:
            self.process.send_signal(how)
            self.process.wait(TIMEOUT_S)
        self.process.communicate(timeout=TIMEOUT_S)
        return self.process.returncode


Start = Callable[..., Running]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts receivers of one log."""
    running: list[Running] = []

    def begin(**environment: str) -> Running:
        running.append(Running(tmp_path / "trace.db", descriptors=0, **environment))
        return running[-1]

    yield begin
    for item in running:
        item.process.kill()
        item.process.communicate()


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Callable[[], None]]:
    """The log, locked by another writer until the given function is called."""
    store.open_log(tmp_path / "trace.db").close()
    lock = sqlite.connect(tmp_path / "trace.db", write=True)
    lock.execute("BEGIN IMMEDIATE")
    yield lock.rollback
    lock.close()


def batch(number: int) -> bytes:
    """A batch of `BATCH` spans with ids of their own and some text."""
    numbers = range(number * BATCH + 1, (number + 1) * BATCH + 1)
    request = traces(span(item, attributes=[text("page", "a" * 200)]) for item in numbers)
    return bytes(request.SerializeToString())


def ids(number: int) -> set[str]:
    return {f"{item:016x}" for item in range(number * BATCH + 1, (number + 1) * BATCH + 1)}


def rows(log: Path, columns: str, where: str = "1") -> list[tuple[Any, ...]]:
    connection = sqlite.connect(log)
    try:
        return connection.execute(f"SELECT {columns} FROM data_trace WHERE {where} ORDER BY id").fetchall()
    finally:
        connection.close()


def until_stored(log: Path, count: int) -> set[str]:
    """The span ids in the log once there are `count` of them."""
    end = time.monotonic() + TIMEOUT_S
    while time.monotonic() < end:
        result = {str(row[0]) for row in rows(log, "span_id")} if log.exists() else set()
        if len(result) >= count:
            return result
        time.sleep(0.05)
    pytest.fail(f"{len(result)} of {count} rows after {TIMEOUT_S} s")


@pytest.mark.parametrize("compression", list(Compression))
def test_the_sdk_sends_traces(start: Start, compression: Compression) -> None:
    receiver = start()
    provider = TracerProvider(resource=SHOP)
    exporter = OTLPSpanExporter(f"{receiver.address}/v1/traces", compression=compression)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("tests")
    with (
        tracer.start_as_current_span("order", attributes={"item": "tea", "count": 2}) as outer,
        pytest.raises(ValueError, match="no tea"),
        tracer.start_as_current_span("pay"),
    ):
        raise ValueError("no tea")
    provider.shutdown()
    assert receiver.end() == 0
    pay, order = rows(receiver.log, "data, process, process_group, status, exception, parent_span_id, attributes")
    assert pay[:5] == ("pay", "shop-1", "shop", "ERROR", "ValueError: no tea")
    assert pay[5] == f"{outer.get_span_context().span_id:016x}"
    assert order[:6] == ("order", "shop-1", "shop", "UNSET", None, None)
    assert json.loads(order[6])["attributes"] == {"item": "tea", "count": 2}


def test_the_sdk_sends_logs_that_are_joined_to_their_calls(start: Start) -> None:
    receiver = start()
    tracer = TracerProvider(resource=SHOP).get_tracer("tests")
    provider = LoggerProvider(resource=SHOP)
    exporter = OTLPLogExporter(f"{receiver.address}/v1/logs", compression=Compression.Gzip)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    with tracer.start_as_current_span("order") as call:
        record = LogRecord(body="no tea left", severity_number=SeverityNumber.ERROR, severity_text="ERROR")
        provider.get_logger("shop.orders").emit(record)
    provider.shutdown()
    assert receiver.end() == 0
    location = call.get_span_context()
    result = rows(receiver.log, "kind, data_value, status, process_group, trace_id, parent_span_id")
    assert result == [("log", "no tea left", "ERROR", "shop", f"{location.trace_id:032x}", f"{location.span_id:016x}")]


def test_the_sdk_sends_metrics(start: Start) -> None:
    receiver = start()
    exporter = OTLPMetricExporter(f"{receiver.address}/v1/metrics")
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)
    provider = MeterProvider([reader], resource=SHOP)
    meter = provider.get_meter("tests")
    meter.create_gauge("level", unit="m").set(1.25, {"tank": "a"})
    meter.create_counter("orders").add(3)
    provider.shutdown()
    assert receiver.end() == 0
    result = {(data.split("{")[0].split(" ")[0], value) for data, value in rows(receiver.log, "data, data_value")}
    assert {("level", "1.25"), ("orders", "3")} <= result
    assert {row[0] for row in rows(receiver.log, "kind")} == {"value"}


def test_a_batch_that_was_put_off_is_delivered_exactly_once(
    start: Start, locked: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    receiver = start()
    exporter = OTLPSpanExporter(f"{receiver.address}/v1/traces", timeout=TIMEOUT_S)
    processor = BatchSpanProcessor(exporter, max_queue_size=100_000, max_export_batch_size=50)
    provider = TracerProvider(resource=SHOP)
    provider.add_span_processor(processor)
    tracer = provider.get_tracer("tests")
    spans = 3_000
    with caplog.at_level(logging.WARNING):
        for number in range(spans):
            tracer.start_span(f"call {number}", attributes={"page": "a" * 500}).end()
        end = time.monotonic() + TIMEOUT_S
        while "Service Unavailable" not in caplog.text and time.monotonic() < end:
            time.sleep(0.05)
        assert "Service Unavailable" in caplog.text
        locked()
        provider.shutdown()
    assert receiver.end() == 0
    assert "Failed to export" not in caplog.text
    names = [row[0] for row in rows(receiver.log, "data")]
    assert len(names) == spans
    assert set(names) == {f"call {number}" for number in range(spans)}


def test_kill_between_answer_and_commit_loses_nothing(start: Start, locked: Callable[[], None]) -> None:
    first = start()
    assert [first.post(number) for number in range(10)] == [200] * 10
    first.end(signal.SIGKILL)
    locked()
    assert rows(first.log, "id") == []  # nothing had been committed
    start()
    assert until_stored(first.log, 10 * BATCH) == set().union(*map(ids, range(10)))


def test_killed_at_any_time_whole_batches_are_stored_and_all_that_were_answered(start: Start) -> None:
    answered: list[int] = []
    sent = 0
    for life in range(5):
        receiver = start()
        assert receiver.post(sent) == 200
        answered.append(sent)
        timer = threading.Timer(0.005 + 0.037 * life, receiver.process.kill)
        timer.start()
        try:
            while True:
                sent += 1
                if receiver.post(sent) == 200:
                    answered.append(sent)
        except (OSError, http.client.HTTPException):
            timer.join()
            receiver.end()
            sent += 1
    last = start()
    stored = until_stored(last.log, len(answered) * BATCH)
    assert last.end() == 0
    stored = {str(row[0]) for row in rows(last.log, "span_id")}
    assert not set().union(*map(ids, answered)) - stored
    assert all(len(ids(number) & stored) in (0, BATCH) for number in range(sent))
    assert len(rows(last.log, "id")) == len(stored)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, None])
def test_it_ends_in_good_order_and_everything_is_in_the_log(start: Start, how: signal.Signals | None) -> None:
    receiver = start()
    assert [receiver.post(number) for number in range(5)] == [200] * 5
    assert receiver.end(how) in (0, 130)
    assert len(rows(receiver.log, "id")) == 5 * BATCH
    assert not list(Path(f"{receiver.log}.d").glob("*.spool"))


def test_a_taken_port_has_an_exit_code_of_its_own(start: Start, tmp_path: Path) -> None:
    port = start().address.rpartition(":")[2]
    command = [sys.executable, "-m", "obs_core", "ingest", "--port", port, "--log", str(tmp_path / "other.db")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert done.returncode == 98
    assert f"Port {port} on 127.0.0.1 is in use by another program." in done.stderr


@pytest.mark.parametrize(("option", "address"), [("--port", "99999"), ("--host", "192.0.2.1")])
def test_an_address_that_is_not_available_is_reported(tmp_path: Path, option: str, address: str) -> None:
    log = str(tmp_path / "trace.db")
    command = [sys.executable, "-m", "obs_core", "ingest", option, address, "--insecure", "--log", log]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert done.returncode == 2
    assert address in done.stderr
    assert "Traceback" not in done.stderr


def test_a_sender_of_too_much_gets_its_answer_and_goes_on(start: Start) -> None:
    receiver = start(OBS_OTLP_LIMIT_MB="1")
    connection = http.client.HTTPConnection(receiver.address.removeprefix("http://"), timeout=TIMEOUT_S)
    for body, status in ((bytes(20_000_000), 413), (batch(0), 200)):
        connection.request("POST", "/v1/traces", body, {"Content-Type": "application/x-protobuf"})
        answer = connection.getresponse()
        assert (answer.status, bool(answer.read())) == (status, status != 200)
    connection.close()


def test_a_slow_sender_does_not_keep_others_waiting(start: Start) -> None:
    receiver = start()
    slow = http.client.HTTPConnection(receiver.address.removeprefix("http://"), timeout=30)
    slow.putrequest("POST", "/v1/traces")
    slow.putheader("Content-Type", "application/x-protobuf")
    slow.putheader("Content-Length", "1000")
    slow.endheaders(b"only a part")
    assert receiver.post(0) == 200
    slow.close()
    assert receiver.post(1) == 200

"""How fast the receiver is: batches of the real SDK, sent by a plain client, until every row is in the log.

    python -m benchmarks.receiver [--spans 200000] [--senders 2] [--gzip] [--paced-s 20] [--ask] [--slow 200] [--grpc]

Prints spans per second end to end, the same rows by a bare executemany in this process (the floor), the receiver's
memory, and the answer's times while 5,000 spans come per second, alone and next to clients that send a byte a second.
With --grpc as many spans are also sent over gRPC, to the same receiver.
"""

import argparse
import gzip
import http.client
import json
import multiprocessing
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import psutil
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor as Batches
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from benchmarks.slow_clients import slow_clients
from obs_core.clock import HOUR, Window
from obs_core.ingest.formats.protobuf import messages
from obs_core.model import Row
from obs_core.query.engine.engine import Engine
from obs_core.query.questions import overview
from obs_core.store import log, sqlite

BATCH = 512  # what the SDK's batch processor sends at once
RECORDED = 20
RATE = 5_000


class Collected(SpanExporter):
    """Keeps what the SDK would send."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.bodies: list[bytes] = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Keep one batch."""
        self.bodies.append(encode_spans(spans).SerializePartialToString())
        return SpanExportResult.SUCCESS


def recorded() -> list[bytes]:
    """Batches as the SDK sends them: requests of a web service with a query each."""
    remaining = Collected()
    resource = Resource.create({"service.name": "shop", "service.instance.id": "shop-1", "service.version": "1.4.2"})
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(Batches(remaining, max_queue_size=RECORDED * BATCH * 2, max_export_batch_size=BATCH))
    tracer = provider.get_tracer("opentelemetry.instrumentation.flask", "0.66b2")
    for number in range(RECORDED * BATCH // 2):
        request = {"http.request.method": "GET", "url.path": f"/item/{number}", "http.route": "/item/<id>"}
        with tracer.start_as_current_span("GET /item/<id>", attributes=request) as span:
            with tracer.start_as_current_span("SELECT", attributes={"db.system.name": "sqlite", "db.rows": number}):
                pass
            span.set_attribute("http.response.status_code", 200)
    provider.shutdown()
    return remaining.bodies


def bodies(spans: int) -> Iterator[bytes]:
    """Batches of `spans` spans in all: the recorded ones again and again, each time with new random ids."""
    templates = [ExportTraceServiceRequest.FromString(body) for body in recorded()]
    made = 0
    while True:
        for template in templates:
            change = int.from_bytes(os.urandom(8), "big")
            batch = ExportTraceServiceRequest()
            batch.CopyFrom(template)
            for span in batch.resource_spans[0].scope_spans[0].spans:
                span.trace_id = _changed(span.trace_id[:8], change) + span.trace_id[8:]
                made += 1
            yield batch.SerializeToString()
            if made >= spans:
                return


def _changed(part: bytes, change: int) -> bytes:
    return (int.from_bytes(part, "big") ^ change).to_bytes(8, "big")


def send(address: str, encoding: str, pause_s: float, batches: Sequence[bytes], given: Any) -> None:  # noqa: ANN401 - a queue
    """Post the batches over one connection; return the time of each response and how many were put off."""
    connection = http.client.HTTPConnection(address.removeprefix("http://"))
    headers = {"Content-Type": "application/x-protobuf"} | ({"Content-Encoding": encoding} if encoding else {})
    times, put_off, due = [], 0, time.perf_counter()
    for body in batches:
        time.sleep(max(0.0, due - time.perf_counter()))
        due += pause_s
        while True:
            began = time.perf_counter()
            connection.request("POST", "/v1/traces", body, headers)
            answer = connection.getresponse()
            answer.read()
            times.append(time.perf_counter() - began)
            if answer.status == http.HTTPStatus.OK:
                break
            put_off += 1
            time.sleep(0.1)
    given.put((times, put_off))


def send_by_grpc(address: str, batches: Sequence[bytes], given: Any) -> None:  # noqa: ANN401 - a queue
    """Call the service with each batch over one channel; return as `send` does."""
    import grpc  # type: ignore[import-untyped] # noqa: PLC0415 - a process that has it must not fork

    times, put_off = [], 0
    with grpc.insecure_channel(address) as channel:
        export = channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
        for body in batches:
            while True:
                began = time.perf_counter()
                try:
                    export(body, timeout=60)
                except grpc.RpcError:
                    put_off += 1
                    time.sleep(0.1)
                    continue
                times.append(time.perf_counter() - began)
                break
    given.put((times, put_off))


def sent(
    how: Callable[[Sequence[bytes], Any], None], batches: Sequence[bytes], senders: int
) -> tuple[list[float], int]:
    """Send from other processes; the times of the answers, and how many batches were put off."""
    context = multiprocessing.get_context("fork")
    given: Any = context.SimpleQueue()
    shares = [batches[number::senders] for number in range(senders)]
    programs = [context.Process(target=how, args=(share, given)) for share in shares]
    for program in programs:
        program.start()
    read_back = [given.get() for _ in programs]
    for program in programs:
        program.join()
    return [item for times, _ in read_back for item in times], sum(put_off for _, put_off in read_back)


def flooded(
    path: Path, rows: int, send_all: Callable[[], tuple[list[float], int]]
) -> tuple[list[float], int, float, float]:
    """Send, and wait until the log has `rows`: as `sent`, and after how many seconds all was answered, and stored."""
    began = time.perf_counter()
    times, put_off = send_all()
    answered = time.perf_counter() - began
    while stored(path) < rows:
        time.sleep(0.02)
    return times, put_off, answered, time.perf_counter() - began


def stored(path: Path) -> int:
    """How many rows the log has."""
    connection = sqlite.connect(path)
    try:
        return int(connection.execute("SELECT count(*) FROM data_trace").fetchone()[0])
    finally:
        connection.close()


def floor(folder: Path, batches: Sequence[bytes]) -> float:
    """Rows per second of a bare executemany of the same rows, already made."""
    rows = [row for body in batches for row in messages.rows(messages.parse("traces", body)) if isinstance(row, Row)]
    connection = log.open_log(folder / "floor.db")
    began = time.perf_counter()
    for start in range(0, len(rows), 1024):
        with sqlite.transaction(connection):
            log.append(connection, rows[start : start + 1024])
    took = time.perf_counter() - began
    connection.close()
    return len(rows) / took


def asked(engine: Engine, window: Window, until: Callable[[], bool]) -> float:
    """The median time of three questions of the Overview, asked until this is so, in ms."""
    times: list[float] = []
    while not (times and until()):
        began = time.perf_counter()
        overview.summary(engine, window)
        overview.recent_errors(engine, window)
        overview.groups(engine, window)
        times.append((time.perf_counter() - began) * 1e3)
        time.sleep(0.2)
    return median(times)


def main() -> None:
    """Run it and print the figures."""
    options = _options()
    encoding = "gzip" if options.gzip else ""
    pack = (lambda body: gzip.compress(body, 1)) if options.gzip else bytes
    plain = list(bodies(options.spans))
    between = time.time_ns()
    paced = [pack(body) for body in bodies(options.paced_s * RATE)]
    limits = {"OBS_OTLP_HEAD_S": "3600", "OBS_OTLP_BODY_S": "3600"}  # so that slow clients stay
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "trace.db"
        with socket.create_server(("127.0.0.1", 0)) as listening:
            port = listening.getsockname()[1]
        command = [sys.executable, "-m", "obs_core", "ingest", "--child", "--port", "0", "--log", str(path)]
        command += ["--grpc-port", str(port)]
        with subprocess.Popen(
            command, env=os.environ | limits, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as program:
            assert program.stdout is not None
            assert program.stdin is not None
            address = json.loads(program.stdout.readline())["address"]
            at_rate = partial(send, address, encoding, BATCH / RATE)
            receiver = psutil.Process(program.pid)
            cpu = sum(receiver.cpu_times()[:2])
            packed = [pack(body) for body in plain]
            times, put_off, answered, took = flooded(
                path, options.spans, lambda: sent(partial(send, address, encoding, 0), packed, options.senders)
            )
            used = sum(receiver.cpu_times()[:2]) - cpu
            memory = [receiver.memory_info().rss / 1e6]
            with ThreadPoolExecutor(1) as executor:
                given = executor.submit(sent, at_rate, paced, 1)
                if options.ask:
                    _ask(path, Window(between - HOUR, between), given.done)
                lone, _ = given.result()
            memory.append(receiver.memory_info().rss / 1e6)
            grpc_rate = _grpc_rate(path, port, options) if options.grpc else 0
            with slow_clients(address, options.slow):
                nearby, _ = sent(at_rate, paced, 1)
            program.stdin.close()
        rate, bare = options.spans / took, floor(Path(name), plain)
    print(f"end to end       {rate:10,.0f} spans/s ({took:.1f} s, answered after {answered:.1f} s, {put_off} put off)")
    print(f"over gRPC        {grpc_rate:10,.0f} spans/s; ratio {grpc_rate / rate:.2f} of HTTP" if grpc_rate else "")
    print(f"floor            {bare:10,.0f} rows/s by executemany; ratio {bare / rate:.1f}")
    print(f"receiver         {used / options.spans * 1e6:10.1f} µs of CPU per span")
    print(f"memory           {memory[0]:10.0f} MB when flooded, {memory[1]:.0f} MB {options.paced_s} s later")
    print(f"answer, flooded  {_percentile(times, 0.5):10.1f} ms median, {_percentile(times, 0.99):.1f} ms p99")
    print(f"answer, 5,000/s  {_percentile(lone, 0.5):10.1f} ms median, {_percentile(lone, 0.99):.1f} ms p99")
    slow = f"{_percentile(nearby, 0.5):8.1f} ms median, {_percentile(nearby, 0.99):.1f} ms p99"
    print(f"  next to {options.slow} slow {slow}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spans", type=int, default=200_000)
    parser.add_argument("--senders", type=int, default=2)
    parser.add_argument("--gzip", action="store_true")
    parser.add_argument("--paced-s", type=int, default=20)
    parser.add_argument("--slow", type=int, default=200, help="slow clients")
    parser.add_argument("--grpc", action="store_true", help="also over gRPC")
    parser.add_argument("--ask", action="store_true", help="also ask the Overview's questions, idle and meanwhile")
    return parser.parse_args()


def _grpc_rate(path: Path, port: int, options: argparse.Namespace) -> float:
    """Spans per second over gRPC, until all are in the log."""
    batches = list(bodies(options.spans))
    how = partial(send_by_grpc, f"127.0.0.1:{port}")
    took = flooded(path, stored(path) + options.spans, lambda: sent(how, batches, options.senders))[3]
    return float(options.spans / took)


def _ask(path: Path, window: Window, until: Callable[[], bool]) -> None:
    with Engine(path, limit_s=60) as engine:
        engine.warm()
        busy = asked(engine, window, until)
        rounds = iter(range(20))
        idle = asked(engine, window, lambda: next(rounds, None) is None)
    print(f"questions        {idle:10.1f} ms idle, {busy:.1f} ms at 5,000 spans/s; ratio {busy / idle:.1f}")


def _percentile(times: Sequence[float], share: float) -> float:
    return sorted(times)[min(len(times) - 1, int(share * len(times)))] * 1e3


if __name__ == "__main__":
    main()

"""Fuzzes what reads foreign bytes: files, the bodies of requests, and HTTP itself, by changes to real recordings.

    python -m tests.ingest.fuzz {files,requests,http} [--seed 1] [--cases 200] [--seconds 0]

A case depends only on the seed and its number. `--cases` run, and more until `--seconds` passed. A case that fails,
or takes more than `CASE_S` of processor time, is reported with its number, and its bytes are written to a file. The
process has a limit for its memory, so a case that exceeds it fails too.
"""

import argparse
import gzip
import io
import logging
import random
import resource
import signal
import socket
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

from obs_core.errors import FileRefused
from obs_core.ingest.files import import_file
from obs_core.ingest.formats.registry import FORMATS
from obs_core.store import log
from tests.ingest.receiver.test_receiving_programs import Running
from tests.ingest.sender import LOGS, METRICS, Sender
from tests.support.data import DATA

CASE_S: Final = 20
MEMORY: Final = 2 << 30
LARGEST_SOURCE: Final = 300_000
PROTOBUF, JSON = "application/x-protobuf", "application/json"

Case = Callable[[random.Random, bytes], None]


def recordings() -> list[bytes]:
    """The content of the small recordings, unpacked, of the cases, and a sample of every format."""
    files = [file for file in sorted((DATA / "traces").rglob("*")) if file.is_file() and file.stat().st_size < 60_000]
    contents = [gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes() for file in files]
    return [
        *(content for content in contents if content and len(content) <= LARGEST_SOURCE),
        *(LOGS.SerializeToString(), METRICS.SerializeToString()),
        *(file.read_bytes() for file in sorted((DATA / "cases").glob("*.json"))),
        *(known.sample * 3 for known in FORMATS),
    ]


def changed(chance: random.Random, content: bytes, others: list[bytes]) -> bytes:
    """`content` with up to six changes."""
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(content) + 1)
        end = at + chance.choice((1, 2, 4, 30, 1_000))
        other = chance.choice(others)
        start = chance.randrange(len(other))
        fresh = chance.choice(
            (
                chance.randbytes(chance.randint(1, 8)),
                content[at:end] * chance.choice((2, 10, 1_000)),
                other[start : start + chance.choice((10, 1_000))],
                chance.choice((b"[", b"{", b'"', b"\\", b",", b"{},", b"\x0a\x00", b"\n"))
                * chance.choice((1, 50, 50_000)),
                chance.choice((b"9" * 400, b"-1", b"1e400", b"NaN", b"null", b"\\ud800", b"\xff", b"\x80" * 12)),
                b"",
            )
        )
        content = content[:at] + fresh + content[chance.choice((at, end)) :]
    return content[: chance.randrange(len(content) + 1)] if content and chance.random() < 0.1 else content


def packed(chance: random.Random, content: bytes) -> tuple[bytes, str]:
    """`content`, perhaps compressed and then damaged, and the name of its compression."""
    name = chance.choice(("", "", "", "gzip", "gzip", "deflate"))
    if name == "gzip":
        content = gzip.compress(content, 1) * chance.choice((1, 1, 2, 3_000 if len(content) < 1_000 else 1))
    elif name == "deflate":
        content = zlib.compress(content)
    return (changed(chance, content, [content or b"x"]) if name and chance.random() < 0.3 else content), name


def archived(chance: random.Random, content: bytes) -> bytes:
    """`content`, perhaps in a .zip, which is perhaps damaged."""
    if chance.random() < 0.7:
        return content
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(chance.choice((1, 3))):
            archive.writestr(f"{number}.json", content)
    return changed(chance, buffer.getvalue(), [content or b"x"]) if chance.random() < 0.5 else buffer.getvalue()


@contextmanager
def files(folder: Path) -> Iterator[Case]:
    """Imports a file: all its rows are in the log afterwards, or none."""
    connection = log.open_log(folder / "trace.db")
    file = folder / "file"

    def run(chance: random.Random, content: bytes) -> None:
        file.write_bytes(archived(chance, packed(chance, content)[0]))
        before = connection.execute("SELECT count(*) FROM data_trace").fetchone()[0]
        stored = 0
        with suppress(FileRefused):
            done = import_file(connection, file, now=1)
            stored = done.stored
            assert done.read == stored + done.merged + done.already + done.refused_count
            assert min(done.merged, done.already, done.refused_count) >= 0
        after = connection.execute("SELECT count(*) FROM data_trace").fetchone()[0]
        assert after == before + stored
        assert not connection.in_transaction

    yield run
    problems = connection.execute("PRAGMA integrity_check(3)").fetchall()
    assert problems == [("ok",)], problems
    connection.close()


@contextmanager
def requests(folder: Path) -> Iterator[Case]:
    """Posts a body: it is stored or refused, and the receiver never fails to read what it could parse."""
    sender = Sender(folder / "trace.db", OBS_OTLP_LIMIT_MB="8", OBS_SPOOL_MB="32")
    failures: list[str] = []
    handler = logging.Handler(logging.ERROR)
    handler.emit = lambda record: failures.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("obs_core").addHandler(handler)

    def run(chance: random.Random, content: bytes) -> None:
        body, encoding = packed(chance, content)
        signal_name = chance.choice(("traces", "logs", "metrics"))
        looks_like_json = content.lstrip()[:1] in (b"{", b"[")
        content_type = JSON if looks_like_json is (chance.random() < 0.9) else PROTOBUF
        answer = sender.post(body, signal_name, content_type=content_type, content_encoding=encoding)
        assert answer.status_code in (200, 400, 413, 503), answer.text
        assert not failures, failures

    yield run
    sender.intake.close()
    logging.getLogger("obs_core").removeHandler(handler)


@contextmanager
def http(folder: Path) -> Iterator[Case]:
    """Sends bytes that are almost HTTP to a receiver; it answers another request afterwards."""
    running = Running(folder / "trace.db", OBS_OTLP_HEAD_S="1", OBS_OTLP_BODY_S="1", OBS_OTLP_LIMIT_MB="1")
    host, port = running.address.removeprefix("http://").split(":")
    number = 0

    def run(chance: random.Random, content: bytes) -> None:
        nonlocal number
        number += 1
        chunked = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(content), content)
        plain = b"Content-Length: %d\r\n\r\n%s" % (len(content), content)
        head = b"POST /v1/traces HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-protobuf\r\n"
        sent = head + chance.choice((plain, chunked))
        edge = changed(chance, sent[:300], [sent])
        with suppress(OSError), socket.create_connection((host, int(port)), CASE_S) as connection:
            connection.sendall((edge + sent[300:])[:1_000_000] * chance.choice((1, 1, 3)))
            connection.shutdown(chance.choice((socket.SHUT_WR, socket.SHUT_RDWR)))
            while connection.recv(65_536):
                continue
        while (status := running.post(number)) == 503:  # the log is being written
            time.sleep(0.1)
        assert status == 200, status

    with ExitStack() as stack:
        stack.callback(running.end)
        stack.callback(running.process.kill)
        yield run


TARGETS = {"files": files, "requests": requests, "http": http}


def fuzz(target: str, seed: int, cases: int, seconds: float) -> int:
    """Run the cases; return the number of those that ran.

    Raises:
        Exception: a case failed; its number was printed, and its bytes are in the file that was printed.
    """
    sources = recordings()
    signal.signal(signal.SIGPROF, _too_long)
    end = time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as name, TARGETS[target](Path(name)) as run:
        number = 0
        while number < cases or time.monotonic() < end:
            chance = random.Random(f"{seed} {number}")  # noqa: S311 - the same cases for the same seed
            content = changed(chance, chance.choice(sources), sources)
            signal.setitimer(signal.ITIMER_PROF, CASE_S)
            try:
                run(chance, content)
            except BaseException:
                failed = Path(tempfile.gettempdir()) / f"fuzz-{target}-{seed}-{number}"
                failed.write_bytes(content)
                print(f"{target}: seed {seed}, case {number} failed; its bytes are in {failed}", file=sys.stderr)
                raise
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0)
            number += 1
    return number


def _too_long(*_: object) -> None:
    raise TimeoutError(f"a case took more than {CASE_S} s of processor time")


def main() -> None:
    """Fuzz one target in this process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=0)
    options = parser.parse_args()
    if sys.platform != "darwin":  # which has no such limit
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    count = fuzz(options.target, options.seed, options.cases, options.seconds)
    print(f"{options.target}: {count:,} cases of seed {options.seed}, no failure")


if __name__ == "__main__":
    main()

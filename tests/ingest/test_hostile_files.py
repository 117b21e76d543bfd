"""Small files that would become large: each is refused in a sentence, and the others of the same call are imported."""

import bz2
import gzip
import io
import json
import resource
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from obs_core.store import sqlite
from tests.ingest.receiver.test_limits import field
from tests.support import usage

SPAN = {"traceId": "a" * 32, "spanId": "b" * 16, "name": "load", "startTimeUnixNano": "5", "endTimeUnixNano": 9}
GOOD = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [SPAN]}]}]}).encode()
HEADER = b"Process,Data,Data Type,Data Value,Timestamp,Status,Exception\n"
MEMORY, TIME_S = 1_000 << 20, 60  # the largest text is 200 MB, and is read in lines


def zipped(content: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr("a", content)
    return buffer.getvalue()


def many_entries(count: int) -> bytes:
    """An archive with a directory of so many files, all with the same content."""
    entry = struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"
    start = struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, 0, 0, 0, 0, 0, 0, 0, 1, 0) + b"a"
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, len(entry) * count, len(start), 0)
    return start + entry * count + end


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "values in gzip": (lambda: gzip.compress(b"[" + b"{}," * 24_000_000 + b"{}]", 1), "more than 20,000,000 values"),
    "values in lines": (lambda: GOOD + b"\n[" + b"{}," * 12_000_000 + b"{}]", "line 2 has more than 20,000,000 values"),
    "bomb": (lambda: gzip.compress(gzip.compress(b" " * (300 << 20), 1)), "unpacks to more than 256 MB"),
    "members": (lambda: gzip.compress(b"", mtime=0) * 1_000_000, "1,000 gzip members"),
    "members in zip": (lambda: zipped(gzip.compress(b"", mtime=0) * 1_000_000), "1,000 gzip members"),
    "deep": (lambda: b"[" * 1_000_000, "nested too deeply"),
    "deep lines": (lambda: GOOD + b"\n" + b'{"a":' * 1_000_000, "line 2 is nested too deeply"),
    "zip in zip": (lambda: zipped(zipped(GOOD)), "has no trace files"),
    "zip in gzip": (lambda: gzip.compress(zipped(GOOD)), "is a zip archive in an archive"),
    "gzip three times": (lambda: gzip.compress(gzip.compress(gzip.compress(GOOD))), "packed with gzip more than twice"),
    "entries of zip": (lambda: many_entries(1_000_000), "more than 10,000 files"),
    "bzip2 in zip": (lambda: zipped(GOOD, zipfile.ZIP_BZIP2), "another method than deflate"),
    "bzip2": (lambda: bz2.compress(GOOD), "packed with bzip2"),
    "messages": (lambda: field(1, field(2, b"\x12\x00" * 6_000_000)), "more than 5,000,000 messages"),
    "messages, cut off": (lambda: b"\x0a\x00" * 2 + b"\x0a\x01" * 6_000_000, "is not OTLP protobuf"),
    "cells": (lambda: HEADER + b"," * 30_000_000, "line 2 has more than 20,000,000 cells"),
    "cells of a header": (lambda: b"Process" + b"," * 30_000_000, "line 1 has more than 20,000,000 cells"),
    "an open quote": (lambda: HEADER + b'"' + b"a\n" * 60_000_000, "is not CSV"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_in_a_sentence_and_another_one_is_imported(tmp_path: Path, name: str) -> None:
    make, reason = HOSTILE[name]
    hostile, good, log = tmp_path / "hostile", tmp_path / "good.json", tmp_path / "trace.db"
    hostile.write_bytes(make())
    good.write_bytes(GOOD)
    command = [sys.executable, "-m", "obs_core", "import", str(hostile), str(good), "--log", str(log)]
    used = usage.of(command, tmp_path / "used")
    said = used.error.splitlines()
    assert used.code == 2
    assert len(said) == 1
    assert str(hostile) in said[0]
    assert reason in said[0]
    assert used.time_s < TIME_S
    assert used.memory < MEMORY
    connection = sqlite.connect(log)
    assert connection.execute("SELECT count(*) FROM data_trace").fetchall() == [(1,)]
    connection.close()


@pytest.mark.parametrize(
    "document",
    [
        [[{"trace_id": 2**60 + number, "span_id": 5, "start": 1} for number in range(30_000)]],
        {
            "data": [
                {
                    "traceID": "a" * 32,
                    "spans": [
                        {
                            "spanID": "b" * 16,
                            "startTime": 1,
                            "logs": [
                                {"fields": [{"key": "obs_core.row", "value": f"{{{number}"}]}
                                for number in range(30_000)
                            ],
                        }
                    ],
                }
            ]
        },
    ],
    ids=["ddtrace", "Jaeger"],
)
def test_many_parts_of_one_document_take_linear_time(tmp_path: Path, document: object) -> None:
    file = tmp_path / "many.json"
    file.write_text(json.dumps(document))

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (TIME_S, TIME_S))

    command = [sys.executable, "-m", "obs_core", "import", str(file), "--log", str(tmp_path / "trace.db")]
    done = subprocess.run(command, preexec_fn=limited, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")

"""Packed files, whole directories and standard input; bombs and damage; formats are detected by their content."""

import gzip
import io
import itertools
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from obs_core.errors import FileRefused, NotTraces
from obs_core.ingest import archives
from obs_core.ingest.files import Imported, import_file, within
from obs_core.ingest.formats import detect, import_format
from obs_core.ingest.formats.rows import Refused
from obs_core.model import Row
from obs_core.store import log, sqlite
from tests.support.data import series_file, trace_file, trace_files

SPAN = {"traceId": "a" * 32, "spanId": "b" * 16, "name": "load", "startTimeUnixNano": "5", "endTimeUnixNano": 9}
CSV = "Process,Data,Data Type,Data Value,Timestamp,Status,Exception\np,v,int,1,2026-01-01T00:00:00Z,OK,\n"
ONE = {
    "OTLP JSON": trace_file("otlp-spec", "trace.json"),
    "OTLP protobuf": trace_files("otel-demo", "otlp_pb")[1],
    "OTLP logs": trace_file("otel-demo", "logs_only.jsonl"),
    "Jaeger": trace_file("otel-demo", "jaeger.json"),
    "Zipkin": trace_file("zipkin", "yelp.json"),
    "ddtrace": trace_file("ddtrace", "test_multi_trace.json"),
    "spans CSV": trace_file("otel-demo", "spans.csv"),
    "seven columns": series_file("dev_pecos_simple.csv"),
}


def export(**more: object) -> str:
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [SPAN | more]}]}]})


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite.Connection]:
    opened = log.open_log(tmp_path / "trace.db")
    yield opened
    opened.close()


def stored(connection: sqlite.Connection, file: Path) -> Imported:
    return import_file(connection, file, now=0)


def count(connection: sqlite.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM data_trace").fetchone()[0])


def packed(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def gz(path: Path, content: bytes) -> Path:
    path.write_bytes(gzip.compress(content))
    return path


@pytest.mark.parametrize("form", ONE)
def test_every_format_is_detected_by_its_content_and_gives_the_same_rows_packed_or_not(
    connection: sqlite.Connection, tmp_path: Path, form: str
) -> None:
    content = ONE[form].read_bytes()
    plain = tmp_path / "no-extension"
    plain.write_bytes(content)
    first = stored(connection, plain)
    assert first.stored == first.read > 0
    assert first.refused == ()
    for other in (
        gz(tmp_path / "a", content),
        packed(tmp_path / "b", {"x/y.bin": content}),
        packed(tmp_path / "c", {"y.gz": gzip.compress(content)}),
        gz(tmp_path / "d", gzip.compress(content)),
    ):
        done = stored(connection, other)
        assert (done.read, done.stored, done.already) == (first.read, 0, first.read)


def test_standard_input_is_read_packed_or_not(tmp_path: Path) -> None:
    for number, content in enumerate((CSV.encode(), gzip.compress(export().encode()))):
        command = [sys.executable, "-m", "obs_core", "import", "-", "--log", str(tmp_path / f"{number}.db")]
        done = subprocess.run(command, input=content, capture_output=True, check=False, timeout=60)
        assert (done.returncode, done.stderr) == (0, b"")
        assert b"standard input: 1 rows read, 1 stored" in done.stdout


def test_a_zip_is_stored_whole_or_not_at_all(connection: sqlite.Connection, tmp_path: Path) -> None:
    members = {"a.json": export().encode(), "b/c.csv": CSV.encode()}
    assert stored(connection, packed(tmp_path / "good.zip", members)).stored == 2
    members = {"a.json": export(spanId="c" * 16).encode(), "b/c.jsonl": f"{export()}\n{export()[:50]}".encode()}
    with pytest.raises(FileRefused, match=r"bad\.zip \(b/c\.jsonl\): line 2 is not complete JSON"):
        stored(connection, packed(tmp_path / "bad.zip", members))
    assert count(connection) == 2


def test_members_that_are_no_traces_are_named_and_the_rest_is_stored(
    connection: sqlite.Connection, tmp_path: Path
) -> None:
    members = {"README.md": b"# Notes", "a.json": export().encode(), "__MACOSX/._a.json": b"x", "d/.hidden": b"x"}
    done = stored(connection, packed(tmp_path / "x.zip", members))
    assert done.stored == 1
    assert [part.member for part in done.refused] == ["README.md"]
    with pytest.raises(NotTraces, match="has no trace files"):
        stored(connection, packed(tmp_path / "y.zip", {"README.md": b"# Notes"}))
    with pytest.raises(NotTraces, match="has no trace files"):
        stored(connection, packed(tmp_path / "z.zip", {}))


def test_the_refused_parts_of_a_member_are_named_with_it(connection: sqlite.Connection, tmp_path: Path) -> None:
    done = stored(connection, packed(tmp_path / "x.zip", {"a.csv": (CSV + "p,v,int,1,soon,OK,\n").encode()}))
    assert [(part.member, part.line) for part in done.refused] == [("a.csv", 3)]


@pytest.mark.parametrize("cut", [1, 10, 200])
def test_a_packed_file_that_is_cut_off_is_refused_and_leaves_nothing(
    connection: sqlite.Connection, tmp_path: Path, cut: int
) -> None:
    lines = "\n".join(export(spanId=f"{number:016x}") for number in range(1, 4_000)).encode()
    whole = gzip.compress(lines)
    file = tmp_path / "cut.gz"
    file.write_bytes(whole[:-cut])
    with pytest.raises(FileRefused, match=r"cut\.gz is damaged"):
        stored(connection, file)
    archive = packed(tmp_path / "cut.zip", {"a": lines})
    archive.write_bytes(archive.read_bytes()[:-cut])
    with pytest.raises(FileRefused, match=r"cut\.zip"):
        stored(connection, archive)
    assert count(connection) == 0


def test_a_damaged_member_is_named(connection: sqlite.Connection, tmp_path: Path) -> None:
    archive = packed(tmp_path / "x.zip", {"a.json": (export() * 1).encode()})
    content = bytearray(archive.read_bytes())
    content[60] ^= 0xFF
    archive.write_bytes(content)
    with pytest.raises(FileRefused, match=r"x\.zip \(a\.json\)"):
        stored(connection, archive)


@pytest.mark.parametrize("form", ["gz", "zip", "gz in gz"])
def test_a_bomb_is_refused_before_it_has_unpacked(
    connection: sqlite.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setattr(archives, "LEAST_LIMIT", 1 << 20)
    content = (export() + "\n" + " \n" * 8_000_000).encode()
    bomb = tmp_path / "bomb"
    if form == "zip":
        packed(bomb, {"a": content})
    else:
        once = gzip.compress(content)
        bomb.write_bytes(gzip.compress(once) if form == "gz in gz" else once)
    with pytest.raises(FileRefused, match="unpacks to more than"):
        stored(connection, bomb)
    assert count(connection) == 0


def test_the_members_of_an_archive_share_one_limit(
    connection: sqlite.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "LEAST_LIMIT", 1 << 20)
    monkeypatch.setattr(archives, "MOST_TIMES", 2)
    member = (export() + " " * 300_000).encode()
    assert stored(connection, packed(tmp_path / "few.zip", dict.fromkeys("ab", member))).read == 2
    with pytest.raises(FileRefused, match="unpacks to more than"):
        stored(connection, packed(tmp_path / "many.zip", dict.fromkeys("abcdef", member)))


def test_an_archive_of_too_many_files_is_refused(
    connection: sqlite.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MOST_MEMBERS", 3)
    with pytest.raises(FileRefused, match="has 4 files; the limit is 3"):
        stored(connection, packed(tmp_path / "x.zip", dict.fromkeys("abcd", CSV.encode())))


def test_a_document_that_does_not_fit_memory_is_refused(
    connection: sqlite.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_format, "LARGEST", 1_000)
    for content, line in ((export(name="x" * 2_000), 1), (f"{export()}\n{export(name='x' * 2_000)}", 2)):
        file = tmp_path / "big.json"
        file.write_text(content)
        with pytest.raises(FileRefused, match=f"line {line} is larger than"):
            stored(connection, file)
    file.write_bytes(ONE["OTLP protobuf"].read_bytes())
    with pytest.raises(FileRefused, match="line 1 is larger than"):
        stored(connection, file)
    assert count(connection) == 0


def test_many_messages_with_their_lengths_before_them_are_read(connection: sqlite.Connection, tmp_path: Path) -> None:
    bodies = [file.read_bytes() for file in trace_files("otel-demo", "otlp_pb")]
    file = tmp_path / "frames"
    file.write_bytes(b"".join(len(body).to_bytes(4, "big") + body for body in bodies))
    assert stored(connection, file).stored == 547
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(FileRefused, match="message 41 is cut off"):
        stored(connection, file)


def test_a_log_is_not_imported_but_opened(connection: sqlite.Connection, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    log.open_log(other).close()
    with pytest.raises(NotTraces, match="is an SQLite database") as refusal:
        stored(connection, other)
    assert "OBS_LOG" in refusal.value.hint


@pytest.mark.parametrize(
    ("content", "what"), [(b"BZh9", "bzip2"), (b"\x28\xb5\x2f\xfd\0", "zstd"), (b"x\0" * 128 + b"\0ustar\0", "tar")]
)
def test_files_that_must_be_unpacked_first_are_refused_with_that_hint(
    connection: sqlite.Connection, tmp_path: Path, content: bytes, what: str
) -> None:
    file = tmp_path / "packed"
    file.write_bytes(content)
    with pytest.raises(NotTraces, match=what) as refusal:
        stored(connection, file)
    assert "Unpack it" in refusal.value.hint


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_a_csv_with_semicolons_or_tabs_is_read(connection: sqlite.Connection, tmp_path: Path, delimiter: str) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(CSV.replace(",", delimiter))
    assert stored(connection, file).stored == 1


def test_a_list_of_documents_is_read_one_by_one(connection: sqlite.Connection, tmp_path: Path) -> None:
    file = tmp_path / "list.json"
    file.write_text(f"[{export()}, {export(spanId='c' * 16)}]")
    assert stored(connection, file).stored == 2


def test_of_millions_of_refused_parts_the_first_are_listed_and_all_are_counted(
    connection: sqlite.Connection, tmp_path: Path
) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(CSV + "p,v,int,1,soon,OK,\n" * 12_000)
    done = stored(connection, file)
    assert (done.stored, done.refused_count, len(done.refused)) == (1, 12_000, 1_000)


@pytest.mark.parametrize(
    ("running", "ended"),
    [
        (export(endTimeUnixNano=None), export()),
        (
            {"traceID": "a" * 32, "spans": [{"spanID": "b" * 16, "startTime": 1, "duration": None}]},
            {"traceID": "a" * 32, "spans": [{"spanID": "b" * 16, "startTime": 1, "duration": 2}]},
        ),
        ([{"traceId": "a" * 32, "id": "b" * 16}], [{"traceId": "a" * 32, "id": "b" * 16, "duration": 2}]),
        (
            [[{"trace_id": 2**60, "span_id": 5, "start": 1}]],
            [[{"trace_id": 2**60, "span_id": 5, "start": 1, "duration": 2_000}]],
        ),
    ],
    ids=["OTLP", "Jaeger", "Zipkin", "ddtrace"],
)
def test_a_span_takes_its_end_when_it_comes_again_in_every_format(
    connection: sqlite.Connection, tmp_path: Path, running: object, ended: object
) -> None:
    for document in (running, ended, running):
        file = tmp_path / "span.json"
        file.write_text(document if isinstance(document, str) else json.dumps(document))
        stored(connection, file)
    [(duration,)] = connection.execute("SELECT duration_ns FROM data_trace").fetchall()
    assert duration in (4, 2_000)


@pytest.mark.parametrize("levels", [100, 450])
def test_values_nested_too_deeply_are_refused_in_a_sentence(
    connection: sqlite.Connection, tmp_path: Path, levels: int
) -> None:
    value = '{"arrayValue": {"values": [' * levels + '{"intValue": 1}' + "]}}" * levels
    file = tmp_path / "deep.json"
    file.write_text(export(attributes=["here"]).replace('"here"', f'{{"key": "a", "value": {value}}}'))
    if levels == 100:
        assert stored(connection, file).stored == 1
    else:
        with pytest.raises(FileRefused, match="nested too deeply"):
            stored(connection, file)


def test_a_csv_of_utf_16_and_one_after_empty_lines_are_read(connection: sqlite.Connection, tmp_path: Path) -> None:
    file = tmp_path / "excel.csv"
    file.write_text(CSV, "utf-16")
    assert stored(connection, file).stored == 1
    file.write_text("\n\n" + CSV.replace("2026", "2025"))
    assert stored(connection, file).stored == 1
    file.write_text("\n \n" + export())
    assert stored(connection, file).stored == 1


def test_a_folder_s_files_are_all_in_it_by_name_without_hidden_ones(tmp_path: Path) -> None:
    for name in ("b.json", "a/z.csv", "a/b/c.gz", ".git/config", "a/.DS_Store"):
        path = tmp_path / "folder" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    result = [file.relative_to(tmp_path / "folder").as_posix() for file in within(tmp_path / "folder")]
    assert result == ["a/b/c.gz", "a/z.csv", "b.json"]


def mutated(document: Any, draw: Callable[[Any], Any]) -> Any:  # noqa: ANN401 - JSON
    """`document` with one of its parts replaced by something else."""
    parts = list(paths(document))
    path = draw(st.sampled_from(parts))
    odd = draw(st.sampled_from([None, 5, -1, "x", "", [], {}, [[]], [None], {"": 1}, True, 2**70, 1e300, "é\ud800"]))
    copy = json.loads(json.dumps(document))
    location = copy
    for step in path[:-1]:
        location = location[step]
    if path:
        location[path[-1]] = odd
    return copy


def paths(document: Any) -> Iterator[tuple[Any, ...]]:  # noqa: ANN401 - JSON
    if isinstance(document, dict | list):
        for key, value in document.items() if isinstance(document, dict) else enumerate(document):
            yield (key,)
            yield from ((key, *rest) for rest in paths(value))


FUZZED = {
    name: json.loads(file.read_text("utf-8").splitlines()[0] if file.suffix == ".jsonl" else file.read_text("utf-8"))
    for name, file in (
        ("OTLP", trace_file("otlp-spec", "trace.json")),
        ("logs", trace_file("otlp-spec", "logs.json")),
        ("metrics", trace_file("otlp-spec", "metrics.json")),
        ("demo", trace_file("otel-demo", "traces_only.jsonl")),
        ("Jaeger", trace_file("jaeger-ui", "otlp2jaeger-out.json")),
        ("Zipkin", trace_file("zipkin", "skew.json")),
        ("ddtrace", trace_file("ddtrace", "test_multi_trace.json")),
    )
}


@pytest.mark.parametrize("name", FUZZED)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_document_with_any_part_of_it_odd_is_read_or_refused_and_stored(name: str, data: st.DataObject) -> None:
    document = FUZZED[name]
    for _ in range(data.draw(st.integers(1, 3))):
        document = mutated(document, data.draw)
    text = json.dumps(document).encode()
    connection = log.open_log(FOLDER / f"fuzz-{name}.db")
    try:
        with sqlite.transaction(connection):
            result = list(detect.rows(io.BytesIO(text), "fuzzed"))
            log.append(connection, [part for part in result if isinstance(part, Row)])
    except FileRefused:
        return
    finally:
        connection.close()
    assert all(isinstance(part, Row | Refused) for part in result)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.sampled_from([b"", b"\n", b"\0\0\0\x05", b"{", b"[", b"\x1f\x8b", b"PK\x03\x04"]))
def test_any_bytes_are_read_or_refused(content: bytes, start: bytes) -> None:
    file = FOLDER / "bytes"
    file.write_bytes(start + content + b"x")
    with suppress(FileRefused), archives.opened(file) as opened:
        for member in opened.members:
            with member.open() as stream:
                list(detect.rows(stream, member.title))


FOLDER = Path()


@pytest.fixture(autouse=True, scope="module")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    global FOLDER  # noqa: PLW0603 - hypothesis takes no fixture of a function's scope
    FOLDER = tmp_path_factory.mktemp("fuzz")


def test_protobuf_with_any_byte_changed_is_read_or_refused() -> None:
    body = ONE["OTLP protobuf"].read_bytes()
    for at, change in itertools.product(range(0, len(body), 7), (0x01, 0xFF)):
        odd = body[:at] + bytes([body[at] ^ change]) + body[at + 1 :]
        with suppress(FileRefused):
            list(detect.rows(io.BytesIO(odd), "odd"))


def test_a_member_without_a_name_is_not_a_folder(connection: sqlite.Connection, tmp_path: Path) -> None:
    file = tmp_path / "odd.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("qx", "no trace")
    file.write_bytes(file.read_bytes().replace(b"qx", b"\0x"))  # a name ends at its first zero byte
    with pytest.raises(FileRefused):
        stored(connection, file)

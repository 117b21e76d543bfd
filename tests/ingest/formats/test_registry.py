"""Every import format: its sample, its detection, its row in the documentation."""

import io
import json
import re
from pathlib import Path

import pytest

from obs_core.errors import FileRefused
from obs_core.ingest.files import import_file
from obs_core.ingest.formats import detect
from obs_core.ingest.formats.import_format import BinaryFormat, ImportFormat, JsonFormat
from obs_core.ingest.formats.registry import FORMATS, format_names
from obs_core.model import Row
from obs_core.store import log

BINARY = b"\x01"
EVERY_FORMAT = pytest.mark.parametrize("known", FORMATS, ids=lambda known: known.name)
DOCUMENT = (Path(__file__).parents[3] / "docs" / "formats.md").read_text("utf-8")


def fits(known: ImportFormat, sample: bytes) -> bool:
    if isinstance(known, BinaryFormat):
        return known.fits(sample)
    if BINARY in sample:
        return False
    text = sample.decode()
    if isinstance(known, JsonFormat):
        return text[:1] in ("{", "[") and known.fits(json.loads(text))
    return text[:1] not in ("{", "[") and known.fits(text.splitlines()[0].split(","))


def test_the_formats_that_were_there_first_are_still_there() -> None:
    names = {known.name for known in FORMATS}
    assert names >= {"OTLP JSON", "OTLP protobuf", "Jaeger JSON", "Zipkin JSON", "ddtrace JSON"}
    assert names >= {"CSV of rows", "CSV of spans"}


@EVERY_FORMAT
def test_a_sample_fits_its_own_format_and_no_other(known: ImportFormat) -> None:
    assert [other.name for other in FORMATS if fits(other, known.sample)] == [known.name]


@EVERY_FORMAT
def test_a_sample_is_read_and_importing_it_twice_changes_nothing(known: ImportFormat, tmp_path: Path) -> None:
    rows = list(detect.rows(io.BytesIO(known.sample), "sample"))
    assert rows
    assert all(isinstance(row, Row) for row in rows)
    file = tmp_path / "sample"
    file.write_bytes(known.sample)
    connection = log.open_log(tmp_path / "trace.db")
    assert import_file(connection, file, now=1).stored == len(rows)
    assert import_file(connection, file, now=2).stored == 0
    connection.close()


@EVERY_FORMAT
def test_a_sample_that_is_cut_off_leaves_nothing(known: ImportFormat, tmp_path: Path) -> None:
    connection = log.open_log(tmp_path / "trace.db")
    file = tmp_path / "sample"
    file.write_bytes(known.sample[:20])
    with pytest.raises(FileRefused, match=re.escape(str(file))):
        import_file(connection, file, now=1)
    assert connection.execute("SELECT count(*) FROM data_trace").fetchone() == (0,)
    connection.close()


def test_the_documentation_has_a_row_for_every_format_and_no_other() -> None:
    table = DOCUMENT.partition("## Import")[2].partition("\n\n|")[2].partition("\n\n")[0]
    documented = {re.split(r"[,(]", line.strip("| "))[0].split(" | ")[0].strip() for line in table.splitlines()[2:]}
    assert documented == {known.name for known in FORMATS}


def test_help_and_errors_name_every_format() -> None:
    assert all(known.name in format_names() for known in FORMATS)

"""Every export format: its names, its suffix, and its place in the documentation."""

import re
from pathlib import Path

import pytest

from obs_core.errors import QuestionTimedOut
from obs_core.export.export_format import ExportFormat
from obs_core.export.registry import FORMATS, offered_for
from obs_core.model import Row

DOCUMENT = (Path(__file__).parents[2] / "docs" / "formats.md").read_text("utf-8")
EVERY_FORMAT = pytest.mark.parametrize("known", FORMATS.values(), ids=FORMATS)
ROW = Row("call", "web", "pay", 1_767_225_600_000_000_000, trace_id="a" * 32, span_id="b" * 16, duration_ns=5)


def test_the_formats_that_were_there_first_are_still_there() -> None:
    assert {"csv", "jaeger", "otlp"} <= FORMATS.keys()
    assert {known.name for known in offered_for("trace")} >= {"otlp", "jaeger"}
    assert "csv" in {known.name for known in offered_for("rows")}


@EVERY_FORMAT
def test_a_format_writes_a_row_and_has_a_type_and_a_suffix(known: ExportFormat) -> None:
    whole = b"".join(known.parts([ROW]))
    assert len(whole) > 100
    assert re.fullmatch(r"[a-z.]+", known.suffix)
    assert "/" in known.media_type
    if known.is_text:
        assert "pay" in whole.decode()


@EVERY_FORMAT
def test_a_file_that_is_cut_ends_with_its_notice_or_with_an_error(known: ExportFormat) -> None:
    def rows() -> "list[Row]":
        raise QuestionTimedOut("It took too long.")

    parts = known.parts(row for _ in range(1) for row in rows())
    if known.cut_notice is None:
        with pytest.raises(QuestionTimedOut):
            list(parts)
    else:
        assert b"".join(parts).endswith(known.cut_notice("It took too long. "))


def test_the_documentation_names_every_format() -> None:
    [command] = re.findall(r"--format ([a-z]+\|[a-z|]+)", DOCUMENT)
    assert set(command.split("|")) == FORMATS.keys()
    section = DOCUMENT.partition("## Export")[2]
    assert [known.label for known in FORMATS.values() if known.label not in section] == []

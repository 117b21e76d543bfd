"""CSV as people and spreadsheets meet it."""

import csv
import io
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obs_core.errors import QuestionTimedOut
from obs_core.export.csv import BATCH, lines
from obs_core.ingest.formats.csv_rows import armed, defused
from obs_core.model import CANONICAL, Row

ROW = Row(
    "value", "feed", "price", 1_767_225_600_123_456_789, data_type="float", data_value="1.5", duration_ns=-1_500_000
)


def cells(*rows: Row, raw: bool = False) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO("".join(lines(rows, raw=raw)), newline="")))


def test_the_seven_columns_come_first_and_lines_end_as_the_standard_says() -> None:
    header, row = lines([ROW])
    assert header.split(",")[:7] == list(CANONICAL)
    assert row.startswith("feed,price,float,1.5,2026-01-01T00:00:00.123456789Z,OK,,value,")
    assert header.endswith("\r\n")
    assert row.endswith("\r\n")


def test_times_are_exact_and_durations_in_milliseconds() -> None:
    [result] = cells(ROW)
    assert (result["timestamp_ns"], result["duration_ms"]) == ("1767225600123456789", "-1.500000")


@pytest.mark.parametrize("text", ["=1+1", "+A1", "-A1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1", "'=1"])
def test_a_formula_gets_an_apostrophe_and_the_row_says_so(text: str) -> None:
    [result] = cells(ROW._replace(data_value=text))
    assert (result["Data Value"], result["defused"]) == (f"'{text}", "1")
    [result] = cells(ROW._replace(data_value=text), raw=True)
    assert result["Data Value"] == text
    assert "defused" not in result
    assert armed(defused(text)) == text


@pytest.mark.parametrize("text", ["-3.5", "+1", "-1e5", "1-2", "a=b", "-inf", "it's", "'quoted'", "", "{}"])
def test_numbers_and_plain_texts_stay_as_they_are(text: str) -> None:
    [result] = cells(ROW._replace(data_value=text))
    assert (result["Data Value"], result["defused"]) == (text, "")
    assert armed(defused(text)) == text


def test_a_text_with_line_breaks_commas_and_quotes_is_one_cell() -> None:
    text = 'a "b", c\r\nd\0é'
    [result] = cells(ROW._replace(exception=text))
    assert result["Exception"] == text


TEXTS = st.none() | st.text("ab,\"\r\n'=+-@\t 1.\uff1d\0é", max_size=6)


@given(
    st.lists(st.tuples(TEXTS, TEXTS, TEXTS, st.none() | st.integers(-(2**63), 2**63 - 1)), max_size=8), st.booleans()
)
def test_lines_are_those_of_pythons_own_writer(drawn: list[tuple[Any, ...]], raw: bool) -> None:  # noqa: FBT001
    rows = [
        ROW._replace(data=data or "", data_value=value, exception=text, attributes=text, memory_delta=number)
        for data, value, text, number in drawn
    ]
    header, *read = csv.reader(io.StringIO("".join(lines(rows, raw=raw)), newline=""))
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n").writerows([header, *read])
    assert out.getvalue() == "".join(lines(rows, raw=raw))
    changed = [[cell if raw else defused(cell or "") for cell in (data, value, text)] for data, value, text, _ in drawn]
    assert [[line[1], line[3], line[6]] for line in read] == [[cell or "" for cell in line] for line in changed]


def test_where_the_rows_fail_those_before_are_written_first() -> None:
    def rows() -> Iterator[Row]:
        yield from [ROW] * (BATCH + 5)
        raise QuestionTimedOut("too long")

    parts: list[str] = []
    with pytest.raises(QuestionTimedOut):
        parts.extend(lines(rows()))
    assert "".join(parts).count("\r\n") == 1 + BATCH + 5


def test_without_rows_the_header_is_there() -> None:
    assert len(list(lines([]))) == 1

"""CSV: headers as people write them, times as programs write them, rows that can't be stored."""

import io

import pytest

from obs_core.ingest.formats import csv_rows
from obs_core.ingest.formats.rows import Refused
from obs_core.model import Row

HEADER = "Process,Data,Data Type,Data Value,Timestamp,Status,Exception"
TIME_NS = 1_767_225_600_123_000_000


def read(text: str) -> list[Row | Refused]:
    return list(csv_rows.rows(io.StringIO(text, newline=""), "file.csv"))


def row(text: str) -> Row:
    [result] = read(text)
    assert isinstance(result, Row)
    return result


@pytest.mark.parametrize(
    "header",
    [HEADER, HEADER.lower(), HEADER.replace(" ", "_").upper(), "\ufeff" + HEADER, HEADER.replace(",", " ,")],
)
def test_the_header_is_known_however_it_is_spelt(header: str) -> None:
    assert row(f"{header}\nfeed,price,int,1,2026-01-01T00:00:00.123Z,OK,") == Row(
        "value", "feed", "price", TIME_NS, data_type="int", data_value="1", status="OK"
    )


@pytest.mark.parametrize(
    "written",
    [
        "2026-01-01T00:00:00.123Z",
        "2026-01-01 00:00:00.123",
        "2026-01-01T01:00:00.123+01:00",
        "1767225600.123",
        "1767225600123",
        "1767225600123000",
        "1767225600123000000",
    ],
)
def test_a_time_is_read_exactly_however_it_is_written(written: str) -> None:
    assert row(f"{HEADER}\nfeed,price,int,1,{written},OK,").timestamp == TIME_NS


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        ("feed,price,int,1,0,OK,", "value"),
        ("feed,price,float,,0,OK,", "value"),
        ("feed,price,float,,0,,", "value"),
        ("feed,load,,,0,ERROR,", "call"),
        ("feed,load,,,0,OK,ValueError: x", "call"),
    ],
)
def test_a_row_is_a_value_unless_it_failed(cells: str, kind: str) -> None:
    assert row(f"{HEADER}\n{cells}").kind == kind


def test_further_columns_of_our_own_export_are_read() -> None:
    header = HEADER + ",kind,trace_id,span_id,parent_span_id,process_group,function,duration_ms,memory_delta"
    result = row(f"{header}\nfeed,load,,,0,UNSET,,call,{'a' * 32},{'b' * 16},,web,m.load,1.5,-4")
    expected = Row(
        "call", "feed", "load", 0, process_group="web", status="UNSET", trace_id="a" * 32, span_id="b" * 16,
        function="m.load", duration_ns=1_500_000, memory_delta=-4,
    )  # fmt: skip
    assert result == expected


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        ("feed,price,int,1,soon,OK,", "is not a time"),
        ("feed,price,int,1,99999999999999999999,OK,", "is not a time"),
        ("feed,price,int,1,0,perhaps,", "is not OK, ERROR or UNSET"),
        (",,,,,,", "the line is empty"),
        ("feed", "is not a time"),
    ],
)
def test_a_row_that_can_not_be_stored_is_refused_with_its_line(cells: str, why: str) -> None:
    good = "feed,price,int,1,1767225600123000000,OK,"
    first, refused, last = read(f"{HEADER}\n{good}\n{cells}\n{good}")
    assert isinstance(first, Row)
    assert isinstance(last, Row)
    assert isinstance(refused, Refused)
    assert refused.line == 3
    assert why in refused.why


def test_cells_with_line_breaks_and_quotes_stay_whole() -> None:
    result = row(HEADER + '\nfeed,price,str,"a ""b""\n,c",0,OK,')
    assert result.data_value == 'a "b"\n,c'

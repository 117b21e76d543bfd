"""ddtrace's recordings: expectations written by hand from the files."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from obs_core.ingest.files import import_file
from obs_core.ingest.formats import ddtrace
from obs_core.ingest.formats.rows import Refused
from obs_core.model import Row
from obs_core.store import log
from tests.support.data import DATA, content, trace_file

FILES = sorted((DATA / "traces" / "ddtrace").glob("*.json.gz"))
QUEUE = "tests.contrib.rq.test_rq.test_queue_failing_job.json"
DJANGO = "tests.contrib.django.test_django_snapshots.test_404_exceptions.json"


def read(document: list[Any]) -> list[Row]:
    result = list(ddtrace.rows(document, 1))
    assert not [part for part in result if isinstance(part, Refused)]
    return [part for part in result if isinstance(part, Row)]


def file(name: str) -> list[Row]:
    return read(content(trace_file("ddtrace", name)))


def test_all_recordings_are_stored_whole_and_a_second_time_changes_nothing(tmp_path: Path) -> None:
    connection = log.open_log(tmp_path / "trace.db")
    first = [import_file(connection, item, now=0) for item in FILES]
    again = [import_file(connection, item, now=0) for item in FILES]
    result = connection.execute("SELECT process_group, count(*) FROM data_trace GROUP BY 1").fetchall()
    connection.close()
    assert len(FILES) == 40
    assert (sum(item.stored for item in first), sum(item.stored for item in again)) == (183, 0)
    spans = [span for item in FILES for trace in content(trace_file("ddtrace", item.stem)) for span in trace]
    named = Counter(span["service"] for span in spans if span["service"])
    assert {name: count for name, count in result if name in named} == named


def test_a_failed_job_is_as_its_file_says() -> None:
    enqueued, performed = file(QUEUE)
    assert (performed.process_group, performed.data, performed.status) == ("rq", "rq.job.perform", "ERROR")
    assert performed.exception == "tests.contrib.rq.jobs.MyException: error"
    assert (performed.exception_stack or "").startswith("Traceback (most recent call last):\n")
    assert (performed.trace_id, performed.parent_span_id) == (enqueued.trace_id, enqueued.span_id)
    assert (enqueued.span_id, enqueued.parent_span_id) == ("0000000000000001", None)
    assert performed.timestamp == 1_777_053_612_142_650_840
    assert (enqueued.status, enqueued.exception) == ("UNSET", None)
    about = json.loads(enqueued.attributes or "")
    assert about["attributes"]["resource.name"] == "tests.contrib.rq.jobs.job_fail"
    assert about["attributes"]["job.id"] == "1756dc5c-2184-4979-877c-f7cef32de30e"
    assert about["span"] == {"kind": 4}


def test_django_s_request_is_one_tree_of_thirty_spans() -> None:
    rows = file(DJANGO)
    ids = {row.span_id for row in rows}
    assert len(rows) == 30
    assert [row.data for row in rows if row.parent_span_id is None] == ["django.request"]
    assert all(row.parent_span_id in ids for row in rows if row.parent_span_id)
    assert (rows[0].timestamp, rows[0].duration_ns) == (1_777_483_950_448_835_886, 13_373_958)


def test_traces_that_count_from_0_stay_separate_within_a_file_and_between_files() -> None:
    rows = file("test_multi_trace.json")
    assert [row.data for row in rows] == ["root0", "child0", "root1", "child1"]
    assert len({row.trace_id for row in rows}) == 2
    assert rows[0].span_id == rows[2].span_id
    assert len({file(item.stem)[0].trace_id for item in FILES}) == len(FILES)


SPAN = {"name": "x", "service": "s", "trace_id": 2**63 + 5, "span_id": 7, "parent_id": 0, "start": 1, "duration": 2}


@pytest.mark.parametrize(("meta", "high"), [({}, "0" * 16), ({"_dd.p.tid": "69f240ae00000000"}, "69f240ae00000000")])
def test_a_real_trace_id_is_its_number_with_the_upper_bits_of_its_first_span(meta: dict[str, str], high: str) -> None:
    first, second = read([[{**SPAN, "meta": meta}, {**SPAN, "span_id": 8, "parent_id": 7}]])
    assert first.trace_id == second.trace_id == high + "8000000000000005"


def test_a_span_without_an_id_is_refused_and_the_rest_is_read() -> None:
    bad, odd, good = ddtrace.rows([[{**SPAN, "span_id": 0}, 5, SPAN]], 4)
    assert isinstance(bad, Refused)
    assert isinstance(odd, Refused)
    assert isinstance(good, Row)


def test_a_service_without_a_name_is_that_of_its_base_or_unknown() -> None:
    based, unknown = read([[{**SPAN, "service": "", "meta": {"_dd.base_service": "b"}}, {**SPAN, "service": None}]])
    assert (based.process_group, unknown.process_group) == ("b", "unknown_service")

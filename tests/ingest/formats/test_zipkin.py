"""Zipkin v2 JSON: expectations written by hand from the files, and the rule for shared spans."""

import json
from typing import Any

import pytest

from obs_core.ingest.formats import zipkin
from obs_core.ingest.formats.rows import Refused
from obs_core.model import Row
from obs_core.store.hashed_ids import hashed_id
from tests.support.data import content, trace_file

TRACE = "a03ee8fff1dcd9b9".rjust(32, "0")


def read(document: object) -> list[Row]:
    result = list(zipkin.rows(document, 1))
    assert not [part for part in result if isinstance(part, Refused)]
    return [part for part in result if isinstance(part, Row)]


def file(name: str) -> list[Row]:
    return read(content(trace_file("zipkin", name)))


def named(rows: list[Row]) -> dict[str | None, str]:
    """Each id and its process and name, as `process: name`."""
    return {row.span_id: f"{row.process}: {row.data}" for row in rows}


def tree(rows: list[Row]) -> set[tuple[str, str]]:
    """Child and parent as `process: name`; a missing parent is shown by its id."""
    names = named(rows)
    return {(names[row.span_id], names.get(row.parent_span_id, str(row.parent_span_id))) for row in rows}


@pytest.mark.parametrize(
    ("name", "count"),
    [("messaging-kafka", 28), ("messaging2", 11), ("skew", 4), ("yelp", 16), ("zipkin2-chinese", 1)],
)
def test_every_span_of_a_file_is_a_row_with_an_id_of_its_own(name: str, count: int) -> None:
    rows = file(f"{name}.json")
    assert len(rows) == len({(row.trace_id, row.span_id) for row in rows}) == count
    assert {len(row.trace_id or "") for row in rows} == {32}


def test_the_chinese_span_is_as_its_file_says() -> None:
    [row] = file("zipkin2-chinese.json")
    assert row[:11] == (
        "call", "订单维护服务", "个人信息查询", 1_472_470_996_199_000_000, "订单维护服务", None, None, "ERROR",
        "此用户没有操作权限", "4d1e00c0db9010db86154a4ba6e91385", "4d1e00c0db9010db",
    )  # fmt: skip
    assert (row.parent_span_id, row.duration_ns) == ("86154a4ba6e91385", 207_000_000)
    about = json.loads(row.attributes or "")
    assert about["attributes"] == {"http.path": "/person/profile/query", "http.status_code": "403"}
    assert about["span"]["kind"] == 3
    assert about["span"]["remoteEndpoint"] == {"serviceName": "个人信息服务", "ipv4": "192.168.99.101", "port": 9000}


def test_a_skewed_server_is_a_child_of_its_client_and_the_parent_of_its_work() -> None:
    assert tree(file("skew.json")) == {
        ("servicea: get", "None"),
        ("servicea: post", "servicea: get"),
        ("serviceb: post", "servicea: post"),
        ("serviceb: async", "serviceb: post"),
    }


def test_the_halves_of_yelp_s_spans_are_parent_and_child() -> None:
    result = tree(file("yelp.json"))
    assert {
        ("routing: post /location/update/v4", "None"),
        ("unknown: post", "routing: post /location/update/v4"),
        ("yelp_main/api_proxy: post api proxy proxy", "unknown: post"),
        ("yelp-main: post", "routing: post /location/update/v4"),
        ("mobile_api: post /location/update/v4", "yelp-main: post"),
        ("mobile_api: get", "mobile_api: post /location/update/v4"),
        ("spectre: get", "mobile_api: get"),
        ("yelp-main: begin", "yelp-main: txn: user_get_basic_and_scout_info"),
    } <= result
    assert sum(parent == "None" for _, parent in result) == 1


def test_a_shared_half_is_named_by_the_hash_of_trace_id_and_server() -> None:
    [half] = [row for row in file("yelp.json") if row.process == "spectre"]
    assert half.span_id == hashed_id(TRACE, "7a778764a0d0b594", "server")
    assert half.parent_span_id == "7a778764a0d0b594"


def test_annotations_are_events() -> None:
    [row] = [row for row in file("yelp.json") if row.process == "yelp_main/api_proxy"]
    assert json.loads(row.attributes or "")["events"] == [
        {"name": "py_zipkin.logging_end", "time_ns": 1_571_896_375_355_436_000, "attributes": {}}
    ]


PIECE: dict[str, Any] = {"traceId": "1", "id": "2", "localEndpoint": {"serviceName": "a"}}
SPAN = {**PIECE, "timestamp": 1_700_000_000_000_000}


def test_a_span_without_a_time_waits_for_its_time_and_the_import_says_so() -> None:
    row, said = zipkin.rows([PIECE], 3)
    assert isinstance(row, Row)
    assert (row.timestamp, row.duration_ns, row.data, row.status) == (0, None, "", "UNSET")
    assert isinstance(said, Refused)
    assert (said.line, said.parts, said.why[:25]) == (3, 0, "spans without a time: 1; ")
    assert len(read([PIECE, SPAN])) == 2


@pytest.mark.parametrize(("said", "exception"), [("", None), ("true", None), ("late", "late"), ("500", "500")])
def test_a_tag_error_fails_a_span_whatever_it_says(said: str, exception: str | None) -> None:
    [row] = read([{**SPAN, "tags": {"error": said}}])
    assert (row.status, row.exception) == ("ERROR", exception)


def test_halves_with_one_id_are_separated_even_without_the_shared_flag() -> None:
    client, server = {**SPAN, "kind": "CLIENT"}, {**SPAN, "kind": "SERVER", "localEndpoint": {"serviceName": "b"}}
    child = {**SPAN, "id": "3", "parentId": "2", "localEndpoint": {"serviceName": "b"}}
    assert len({row.span_id for row in read([client, server, child])}) == 3
    assert tree(read([server, child, client])) == {("a: ", "None"), ("b: ", "a: "), ("b: ", "b: ")}


def test_a_server_without_its_client_keeps_the_parent_it_names() -> None:
    server = {**SPAN, "parentId": "9", "shared": True}
    child = {**SPAN, "id": "3", "parentId": "2", "localEndpoint": {"serviceName": "z"}}
    first, second = read([server, child])
    assert first.parent_span_id == "9".rjust(16, "0")
    assert second.parent_span_id == first.span_id == hashed_id(first.trace_id, "2".rjust(16, "0"), "server")


def test_lists_of_traces_and_single_spans_are_read_and_others_refused() -> None:
    assert len(read([[SPAN], [{**SPAN, "id": "5"}]])) == 2
    assert len(read(SPAN)) == 1
    refused = list(zipkin.rows([{"id": 1}, 5], 3))
    assert [part.line for part in refused if isinstance(part, Refused)] == [3, 3]

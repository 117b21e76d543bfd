"""Jaeger JSON: tags that stand for a field become the field, references become parent and links."""

import json
from typing import Any

import pytest

from obs_core.ingest.formats import jaeger
from obs_core.ingest.formats.rows import Refused
from obs_core.model import Row

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"

FAILED: dict[str, Any] = {"key": "error", "type": "bool", "value": True}


def tag(key: str, value: object, kind: str = "string") -> dict[str, Any]:
    return {"key": key, "type": kind, "value": value}


def read(*spans: object) -> list[Row | Refused]:
    process = {"serviceName": "shop", "tags": [tag("service.instance.id", "shop-1"), tag("host", "h")]}
    whole = {"traceID": TRACE, "spans": list(spans), "processes": {"p1": process}}
    return list(jaeger.rows({"data": [whole]}, 7))


def one(**span: object) -> Row:
    [result] = read(
        {"traceID": TRACE, "spanID": SPAN, "operationName": "get", "processID": "p1", "startTime": 5} | span
    )
    assert isinstance(result, Row)
    return result


def about(row: Row) -> dict[str, Any]:
    parts: dict[str, Any] = json.loads(row.attributes or "{}")
    return parts


def test_a_span_has_its_process_group_times_and_name() -> None:
    result = one(startTime=1_706_678_909_209_712, duration=123)
    assert (result.process, result.process_group, result.data) == ("shop-1", "shop", "get")
    assert (result.timestamp, result.duration_ns) == (1_706_678_909_209_712_000, 123_000)
    assert about(result) == {"resource": {"host": "h"}}


def test_ids_without_their_leading_zeros_get_them_back_and_names_stay() -> None:
    padded = one(traceID="ABC", spanID="1f")
    assert (padded.trace_id, padded.span_id) == ("abc".rjust(32, "0"), "1f".rjust(16, "0"))
    named = one(traceID="trace-1", spanID="span-1")
    assert (named.trace_id, named.span_id) == ("trace-1", "span-1")


@pytest.mark.parametrize(
    ("tags", "status", "exception"),
    [
        ([], "UNSET", None),
        ([FAILED], "ERROR", None),
        ([tag("error", "true")], "ERROR", None),
        ([{"key": "error", "type": "bool", "value": False}], "UNSET", None),
        ([tag("error", "timed out")], "ERROR", "timed out"),
        ([tag("otel.status_code", "OK")], "OK", None),
        ([tag("otel.status_code", "ERROR"), tag("otel.status_description", "late")], "ERROR", "late"),
        ([FAILED, tag("otel.status_description", "late")], "ERROR", "late"),
    ],
)
def test_tags_give_the_status(tags: list[dict[str, Any]], status: str, exception: str | None) -> None:
    result = one(tags=tags)
    assert (result.status, result.exception) == (status, exception)


def test_tags_keep_their_types_and_those_of_a_field_leave() -> None:
    tags = [
        *(tag("n", "12", "int64"), tag("x", 1.5, "float64"), tag("b", "true", "bool"), tag("span.kind", "server")),
        *(tag("otel.library.name", "lib"), tag("otel.library.version", "2"), FAILED),
    ]
    result = about(one(tags=tags, flags=1, warnings=["clock skew"]))
    assert result == {
        "attributes": {"n": 12, "x": 1.5, "b": True},
        "scope": {"name": "lib", "version": "2"},
        "resource": {"host": "h"},
        "span": {"kind": 2, "flags": 1, "warnings": ["clock skew"]},
    }


def test_logs_are_events_and_an_exception_among_them_is_the_call_s() -> None:
    raised = [tag("event", "exception"), tag("exception.type", "KeyError"), tag("exception.message", "'x'")]
    given = [tag("message", "retry"), tag("attempt", 2, "int64")]
    logs = [
        {"timestamp": 5, "fields": given},
        {"timestamp": 6, "fields": [*raised, tag("exception.stacktrace", "at x")]},
    ]
    result = one(logs=logs, tags=[FAILED])
    assert (result.exception, result.exception_stack) == ("KeyError: 'x'", "at x")
    first, second = about(result)["events"]
    assert first == {"name": None, "time_ns": 5_000, "attributes": {"message": "retry", "attempt": 2}}
    assert (second["name"], second["time_ns"]) == ("exception", 6_000)


def test_an_error_log_of_opentracing_is_an_exception() -> None:
    fields = [tag("event", "error"), tag("error.kind", "IOError"), tag("message", "gone"), tag("stack", "at y")]
    result = one(logs=[{"timestamp": 5, "fields": fields}])
    assert (result.exception, result.exception_stack) == ("IOError: gone", "at y")


@pytest.mark.parametrize(
    ("references", "parent", "links"),
    [
        ([], None, []),
        ([("CHILD_OF", TRACE, "a" * 16)], "a" * 16, []),
        ([("FOLLOWS_FROM", TRACE, "a" * 16)], "a" * 16, []),
        ([("FOLLOWS_FROM", TRACE, "a" * 16), ("CHILD_OF", TRACE, "c" * 16)], "c" * 16, [(TRACE, "a" * 16)]),
        ([("CHILD_OF", TRACE, "a" * 16), ("CHILD_OF", TRACE, "c" * 16)], "a" * 16, [(TRACE, "c" * 16)]),
        ([("FOLLOWS_FROM", "b" * 32, "a" * 16)], None, [("b" * 32, "a" * 16)]),
    ],
)
def test_references_are_the_parent_and_links(
    references: list[tuple[str, str, str]], parent: str | None, links: list[tuple[str, str]]
) -> None:
    given = [{"refType": kind, "traceID": trace, "spanID": span} for kind, trace, span in references]
    result = one(references=given)
    assert result.parent_span_id == parent
    assert [(link["trace_id"], link["span_id"]) for link in about(result).get("links", [])] == links


def test_the_older_parent_and_a_process_inside_the_span_are_read() -> None:
    result = one(parentSpanID="2f", process={"serviceName": "old", "tags": []}, processID=None)
    assert (result.parent_span_id, result.process, result.process_group) == ("2f".rjust(16, "0"), "old", "old")


def test_a_span_without_an_id_is_refused_with_its_line_and_the_rest_is_read() -> None:
    good = {"traceID": TRACE, "spanID": SPAN, "processID": "p1", "startTime": 5}
    first, second, third = read({"spanID": "0"}, 5, good)
    assert isinstance(first, Refused)
    assert isinstance(second, Refused)
    assert isinstance(third, Row)
    assert (first.line, second.line) == (7, 7)


def test_one_trace_alone_is_read_too() -> None:
    trace = {"traceID": TRACE, "spans": [{"spanID": SPAN, "startTime": 5}], "processes": {}}
    assert jaeger.is_jaeger(trace)
    [result] = jaeger.rows(trace, 1)
    assert isinstance(result, Row)
    assert (result.trace_id, result.process_group) == (TRACE, "unknown_service")

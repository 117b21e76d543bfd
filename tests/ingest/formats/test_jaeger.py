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
    [found] = read({"traceID": TRACE, "spanID": SPAN, "operationName": "get", "processID": "p1"} | span)
    assert isinstance(found, Row)
    return found


def about(row: Row) -> dict[str, Any]:
    parts: dict[str, Any] = json.loads(row.attributes or "{}")
    return parts


def test_a_span_has_its_process_group_times_and_name() -> None:
    found = one(startTime=1_706_678_909_209_712, duration=123)
    assert (found.process, found.process_group, found.data) == ("shop-1", "shop", "get")
    assert (found.timestamp, found.duration_ns) == (1_706_678_909_209_712_000, 123_000)
    assert about(found) == {"resource": {"host": "h"}}


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
def test_tags_tell_the_status(tags: list[dict[str, Any]], status: str, exception: str | None) -> None:
    found = one(tags=tags)
    assert (found.status, found.exception) == (status, exception)


def test_tags_keep_their_types_and_those_of_a_field_leave() -> None:
    tags = [
        *(tag("n", "12", "int64"), tag("x", 1.5, "float64"), tag("b", "true", "bool"), tag("span.kind", "server")),
        *(tag("otel.library.name", "lib"), tag("otel.library.version", "2"), FAILED),
    ]
    found = about(one(tags=tags, flags=1, warnings=["clock skew"]))
    assert found == {
        "attributes": {"n": 12, "x": 1.5, "b": True},
        "scope": {"name": "lib", "version": "2"},
        "resource": {"host": "h"},
        "span": {"kind": 2, "flags": 1, "warnings": ["clock skew"]},
    }


def test_logs_are_events_and_an_exception_among_them_is_the_call_s() -> None:
    raised = [tag("event", "exception"), tag("exception.type", "KeyError"), tag("exception.message", "'x'")]
    told = [tag("message", "retry"), tag("attempt", 2, "int64")]
    logs = [
        {"timestamp": 5, "fields": told},
        {"timestamp": 6, "fields": [*raised, tag("exception.stacktrace", "at x")]},
    ]
    found = one(logs=logs, tags=[FAILED])
    assert (found.exception, found.exception_stack) == ("KeyError: 'x'", "at x")
    first, second = about(found)["events"]
    assert first == {"name": None, "time_ns": 5_000, "attributes": {"message": "retry", "attempt": 2}}
    assert (second["name"], second["time_ns"]) == ("exception", 6_000)


def test_an_error_log_of_opentracing_is_an_exception() -> None:
    fields = [tag("event", "error"), tag("error.kind", "IOError"), tag("message", "gone"), tag("stack", "at y")]
    found = one(logs=[{"timestamp": 5, "fields": fields}])
    assert (found.exception, found.exception_stack) == ("IOError: gone", "at y")


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
    told = [{"refType": kind, "traceID": trace, "spanID": span} for kind, trace, span in references]
    found = one(references=told)
    assert found.parent_span_id == parent
    assert [(link["trace_id"], link["span_id"]) for link in about(found).get("links", [])] == links


def test_the_older_parent_and_a_process_inside_the_span_are_read() -> None:
    found = one(parentSpanID="2f", process={"serviceName": "old", "tags": []}, processID=None)
    assert (found.parent_span_id, found.process, found.process_group) == ("2f".rjust(16, "0"), "old", "old")


def test_a_span_without_an_id_is_refused_with_its_line_and_the_rest_is_read() -> None:
    good = {"traceID": TRACE, "spanID": SPAN, "processID": "p1"}
    first, second, third = read({"spanID": "0"}, 5, good)
    assert isinstance(first, Refused)
    assert isinstance(second, Refused)
    assert isinstance(third, Row)
    assert (first.line, second.line) == (7, 7)


def test_one_trace_alone_is_read_too() -> None:
    trace = {"traceID": TRACE, "spans": [{"spanID": SPAN}], "processes": {}}
    assert jaeger.is_jaeger(trace)
    [found] = jaeger.rows(trace, 1)
    assert isinstance(found, Row)
    assert (found.trace_id, found.process_group) == (TRACE, "unknown_service")

"""Jaeger JSON as Jaeger's page expects it: one entry per trace, logs in their calls, bounded memory."""

import json
from typing import Any

from obs_core.export.jaeger import chunks
from obs_core.model import Row

CALL = Row("call", "shop-1", "get", 5_000, "shop", trace_id="a" * 32, span_id="1" * 16, duration_ns=7_000)


def traces(*rows: Row, held: int = 50_000) -> list[dict[str, Any]]:
    result: list[dict[str, Any]] = json.loads("".join(chunks(rows, held=held)))["data"]
    return result


def test_spans_of_a_trace_stand_together_whatever_their_order() -> None:
    other = CALL._replace(trace_id="b" * 32)
    child = CALL._replace(span_id="2" * 16, parent_span_id="1" * 16, process="cart", process_group="cart")
    first, second = traces(CALL, other, child)
    assert [len(trace["spans"]) for trace in (second, first)] == [2, 1] or [
        len(first["spans"]),
        len(second["spans"]),
    ] == [1, 2]
    both = next(trace for trace in (first, second) if trace["traceID"] == "a" * 32)
    assert [span["processID"] for span in both["spans"]] == ["p1", "p2"]
    assert {process["serviceName"] for process in both["processes"].values()} == {"shop", "cart"}
    assert both["spans"][1]["references"] == [{"refType": "CHILD_OF", "traceID": "a" * 32, "spanID": "1" * 16}]


def test_times_are_microseconds_and_the_process_says_its_instance() -> None:
    [trace] = traces(CALL)
    [span] = trace["spans"]
    assert (span["startTime"], span["duration"]) == (5, 7)
    assert trace["processes"]["p1"]["tags"] == [{"key": "service.instance.id", "type": "string", "value": "shop-1"}]


def test_a_failure_has_the_tags_that_jaeger_colours_and_its_stack_in_a_log() -> None:
    [trace] = traces(CALL._replace(status="ERROR", exception="KeyError: 'x'", exception_stack="Traceback …"))
    [span] = trace["spans"]
    tags = {tag["key"]: tag["value"] for tag in span["tags"]}
    assert tags["error"] is True
    assert tags["otel.status_description"] == "KeyError: 'x'"
    fields = {field["key"]: field["value"] for field in span["logs"][0]["fields"]}
    assert fields == {
        "event": "exception",
        "exception.type": "KeyError",
        "exception.message": "'x'",
        "exception.stacktrace": "Traceback …",
    }


def test_a_value_is_a_log_of_the_call_that_recorded_it() -> None:
    second = CALL._replace(span_id="2" * 16)
    value = Row("value", "shop-1", "price", 6_000, data_value="1.5", trace_id="a" * 32, parent_span_id="2" * 16)
    [trace] = traces(CALL, second, value)
    assert [len(span["logs"]) for span in trace["spans"]] == [0, 1]
    [log] = trace["spans"][1]["logs"]
    assert log["timestamp"] == 6
    assert log["fields"][:2] == [
        {"key": "event", "type": "string", "value": "price"},
        {"key": "message", "type": "string", "value": "1.5"},
    ]


def test_what_belongs_to_no_exported_call_is_counted() -> None:
    lost: list[int] = []
    rows = [Row("value", "p", "v", 1), Row("value", "p", "v", 1, trace_id="c" * 32), CALL._replace(span_id=None)]
    assert json.loads("".join(chunks(rows, left_out=lost.append)))["data"] == []
    assert sum(lost) == 3


def test_no_more_than_the_bound_is_held_and_the_longest_silent_trace_goes_first() -> None:
    rows = [CALL._replace(trace_id=f"{number:032x}", span_id=f"{1 + number % 2:016x}") for number in (1, 2, 2, 1, 3, 4)]
    held = [trace["traceID"][-1] for trace in traces(*rows, held=3)]
    assert held == ["2", "1", "3", "4"]
    assert len(traces(*rows)) == 4


def test_it_is_written_as_it_is_read() -> None:
    taken: list[int] = []

    def rows() -> Any:  # noqa: ANN401 - a generator
        for number in range(1_000):
            taken.append(number)
            yield CALL._replace(trace_id=f"{1 + number:032x}")

    parts = chunks(rows(), held=10)
    assert next(parts) == '{"data": ['
    next(parts)
    assert len(taken) == 11


def test_without_rows_it_is_a_document_all_the_same() -> None:
    assert traces() == []

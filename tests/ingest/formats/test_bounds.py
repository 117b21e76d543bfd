"""Objects are counted before they are made: never fewer than parsing makes, and exactly where nothing is strange."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obs_core.ingest.formats import bounds
from obs_core.ingest.formats.protobuf import messages
from tests.ingest.sender import LOGS, METRICS, span, text, traces
from tests.support.data import trace_files

TEXT = st.text(st.sampled_from('a",{[\\\n\u2022\U0001f600'), max_size=8)
DOCUMENT = st.recursive(
    st.none() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=40,
)


def values(document: Any) -> int:  # noqa: ANN401 - JSON
    """Values below a document, and one more for each that is an object or a list."""
    inner = list(document.values()) if isinstance(document, dict) else document
    return len(inner) + sum(map(values, inner)) if isinstance(document, dict | list) else 0


def containers(document: Any) -> int:  # noqa: ANN401 - JSON
    inner = document.values() if isinstance(document, dict) else document
    return 1 + sum(map(containers, inner)) if isinstance(document, dict | list) else 0


def submessages(message: Any) -> int:  # noqa: ANN401 - a protobuf message
    count = 0
    for field, value in message.ListFields():
        if field.message_type is not None:
            inner = list(value) if field.is_repeated else [value]
            count += len(inner) + sum(map(submessages, inner))
    return count


@given(DOCUMENT, st.booleans(), st.integers(1, 60))
def test_values_of_json_are_counted_and_not_the_text_of_strings(
    document: Any,  # noqa: ANN401 - JSON
    ascii_only: bool,  # noqa: FBT001 - hypothesis
    chunk: int,
) -> None:
    written = json.dumps(document, ensure_ascii=ascii_only, indent=None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bounds, "_CHUNK", chunk)
        least = next(most for most in range(len(written) + 2) if not bounds.has_more_values(written, most))
    assert values(document) < least + 1 <= values(document) + containers(document) + 2


@pytest.mark.parametrize("part", ["{},", "[],", "0,", '"",', '{"a":0},', '["\\\\\\"",{}],'])
def test_a_document_of_tiny_values_has_too_many(part: str) -> None:
    assert bounds.has_more_values("[" + part * 1_000_000 + "0]", 999_999)
    assert not bounds.has_more_values("[" + part * 1_000 + "0]", 100_000)


def test_a_long_text_is_one_value() -> None:
    assert not bounds.has_more_values(json.dumps({"a": '{},[],"\\' * 100_000}), 1_000)
    assert not bounds.has_more_values('"' + "," * 3_000_000, 1_000)  # cut off
    assert not bounds.has_more_values('"' + "\\" * 3_000_001 + ',"', 1)


@pytest.mark.parametrize("signal", ["traces", "logs", "metrics"])
def test_submessages_of_protobuf_are_counted_exactly(signal: str) -> None:
    requests = {
        "traces": [messages.parse("traces", file.read_bytes()) for file in trace_files("otel-demo", "otlp_pb")[:5]]
        + [traces(span(number, attributes=[text("a", "b" * 300)]) for number in range(1, 30))],
        "logs": [LOGS],
        "metrics": [METRICS],
    }
    for request in requests[signal]:
        body, known, count = request.SerializeToString(), messages.submessages(signal), submessages(request)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(bounds, "_SHORTEST", 0)
            assert bounds.has_more_messages(body, known, count - 1)
            assert not bounds.has_more_messages(body, known, count)


@pytest.mark.parametrize(
    "body",
    [b"\x0a\x00" * 40 + b"\x1a\x13" + bytes(19) + b"\xff", b"\x0a\x7f" + bytes(100), b"\x0f" * 100, b"\x80" * 100],
)
def test_what_is_not_protobuf_is_an_error_and_not_a_way_around_the_count(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"cut off|longer|unknown|too long"):
        bounds.has_more_messages(body, messages.submessages("traces"), 49)

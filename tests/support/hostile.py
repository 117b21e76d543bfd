"""Rows as nobody would write them, for hypothesis: any text, any number, odd ids, odd JSON."""

import json
from typing import Any

from hypothesis import strategies as st

from obs_core.model import Row

LARGEST = 2**63 - 1
TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    st.sampled_from(
        [
            "=1+1",
            "'=x",
            "''-2+3",
            "@SUM(A1)",
            "-3.5",
            "+1",
            "\t=x",
            "\r\n",
            '"',
            ",",
            "\0",
            "a\nb",
            "NaN",
            "obs_core.row",
        ]
    ),
    st.sampled_from(
        ["KeyError: 'x'", "true", "null", "{", "é\u2028\ufeff", "\uff1d1", " lead", "trail ", "1e5", "x" * 300]
    ),
)
WHOLE = st.one_of(st.integers(-LARGEST - 1, LARGEST), st.sampled_from([0, 1, -1, 999, 1_767_225_600_123_456_789]))
HEX = "0123456789abcdef"
TRACE_IDS = st.one_of(st.text(HEX, min_size=32, max_size=32), TEXTS, st.sampled_from(["0" * 32, "A" * 32, "abc"]))
SPAN_IDS = st.one_of(st.text(HEX, min_size=16, max_size=16), TEXTS, st.sampled_from(["0" * 16, "B" * 16, "1f"]))
PLAIN = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=6,
)
EVENTS = st.lists(
    st.one_of(
        PLAIN,
        st.fixed_dictionaries(
            {"name": TEXTS}, optional={"time_ns": WHOLE, "time": WHOLE, "attributes": st.dictionaries(TEXTS, PLAIN)}
        ),
        st.just({"name": "exception", "attributes": {"exception.type": "E", "exception.message": "m"}}),
    ),
    max_size=2,
)
LINKS = st.lists(
    st.fixed_dictionaries({"trace_id": TRACE_IDS, "span_id": SPAN_IDS}, optional={"attributes": PLAIN}), max_size=2
)
ABOUT = st.fixed_dictionaries(
    {},
    optional={
        "attributes": st.one_of(
            PLAIN, st.dictionaries(TEXTS, PLAIN, max_size=3), st.just({"obs_core.row": {"data": "x"}})
        ),
        "events": EVENTS,
        "links": LINKS,
        "scope": st.one_of(
            PLAIN, st.fixed_dictionaries({"name": TEXTS}, optional={"version": TEXTS, "attributes": PLAIN})
        ),
        "resource": st.dictionaries(st.one_of(TEXTS, st.just("service.name")), PLAIN, max_size=2),
        "span": st.fixed_dictionaries(
            {}, optional={"kind": PLAIN, "flags": PLAIN, "traceState": PLAIN, "warnings": PLAIN}
        ),
        "severity": PLAIN,
        "severity_number": PLAIN,
        "more": PLAIN,
    },
)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), strategy)


ROWS = st.builds(
    Row,
    kind=st.sampled_from(["call", "value", "log"]),
    process=TEXTS,
    data=TEXTS,
    timestamp=WHOLE,
    process_group=maybe(TEXTS),
    data_type=maybe(TEXTS),
    data_value=maybe(TEXTS),
    status=st.sampled_from(["OK", "ERROR", "UNSET"]),
    exception=maybe(TEXTS),
    trace_id=maybe(TRACE_IDS),
    span_id=maybe(SPAN_IDS),
    parent_span_id=maybe(SPAN_IDS),
    function=maybe(TEXTS),
    exception_stack=maybe(TEXTS),
    duration_ns=maybe(WHOLE),
    memory_delta=maybe(WHOLE),
    attributes=maybe(
        st.one_of(ABOUT.map(json.dumps), ABOUT.map(lambda about: json.dumps(about, ensure_ascii=False)), TEXTS)
    ),
)
"""Any rows at all; texts are valid UTF-8 and numbers fit 64 bits, as `Row` says."""

"""Conditions on attributes: how they are written, and which rows fit them."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from obs_core.clock import Window
from obs_core.errors import BadParameter
from obs_core.model import Row
from obs_core.query.engine.engine import Engine
from obs_core.query.filters.attribute_filter import LONGEST, MOST, OPERATORS, Condition, conditions, joined
from obs_core.query.filters.row_filter import RowFilter
from obs_core.query.questions import traces
from tests.support import table

ALWAYS = Window(0, 2**63 - 1)
TEXTS = st.text('ab,="\\ \u0000%_é.1', max_size=8) | st.sampled_from(["and", "a and b", "1, 2", '"', "\\", "5e3"])
WITHOUT_NUL = TEXTS.filter(lambda text: "\0" not in text)  # SQLite's JSON ends a text there
PATTERNS = st.sampled_from(["^a", "[0-9]+", "a|b", "x and y"])


@st.composite
def written(draw: st.DrawFn) -> Condition:
    operator = draw(st.sampled_from(OPERATORS))
    name = draw(TEXTS.filter(bool))
    if operator == "exists":
        return Condition(name, operator)
    if operator == "in":
        return Condition(name, operator, tuple(draw(st.lists(TEXTS, min_size=1, max_size=3))))
    return Condition(name, operator, (draw(PATTERNS if operator == "matches" else TEXTS),))


@settings(deadline=None)
@given(st.lists(written(), max_size=4))
def test_conditions_read_back_as_they_were_written(parsed: list[Condition]) -> None:
    assert conditions(joined(parsed)) == tuple(parsed)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("http.status_code>=500", [("http.status_code", ">=", ("500",))]),
        ("a = b c and d EXISTS", [("a", "=", ("b c",)), ("d", "exists", ())]),
        ("m in GET, POST and x != 1", [("m", "in", ("GET", "POST")), ("x", "!=", ("1",))]),
        ("url starts  with /a", [("url", "starts with", ("/a",))]),
        ('"two words" contains "and \\" and"', [("two words", "contains", ('and " and',))]),
        ("brand = sand and candy = x", [("brand", "=", ("sand",)), ("candy", "=", ("x",))]),
        (" ", []),
    ],
)
def test_conditions_are_written_as_people_speak(text: str, read: list[Any]) -> None:
    assert [tuple(condition) for condition in conditions(text)] == read


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "a =",
        "= 1",
        "a >>> 1",
        "a == 1",
        "a > = 1",
        "a ~ 1",
        "a = 1 and",
        "a in",
        "a in 1,",
        'a = "',
        'a "b" = 1',
        "a exists now",
    ],
)
def test_what_is_no_condition_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(BadParameter, match="is not a valid condition on an attribute") as refusal:
        conditions(text)
    assert "http.status_code >= 500" in refusal.value.hint


def test_patterns_and_lengths_are_looked_at_before_the_log_is() -> None:
    with pytest.raises(BadParameter, match="is not a valid regular expression: missing"):
        conditions("a matches (b")
    with pytest.raises(BadParameter, match="half a character"):
        conditions('a = "\\ud800" and b = \ud800')
    with pytest.raises(BadParameter, match="the maximum is"):
        conditions("a = " + "x" * LONGEST)
    with pytest.raises(BadParameter):
        conditions(" and ".join(["a exists"] * (MOST + 1)))


ATTRIBUTES: tuple[Any, ...] = (
    {"status": 200, "method": "GET", "ok": True, "url": "/cart/ÄRGER"},
    {"status": "500", "method": "POST", "ok": False, "url": "/CART", "ratio": 0.5},
    {"status": 503, "method": "PUT", "tags": ["a", "b"], 'odd "name"': 1, "Größe": 7},
    {"status": 2**63, "method": "200", "url": "100%", "nothing": None},
    {},
)
FITTING = [
    ("status = 200", [1]),
    ("status = 200.0", [1]),
    ("status = 500", [2]),
    ("status != 200", [2, 3, 4]),
    ("status >= 500", [2, 3, 4]),
    ("status > 500", [3, 4]),
    ("status < 201", [1]),
    ("ratio <= 0.5", [2]),
    ("method > H", [2, 3]),
    ("ok = true", [1]),
    ("ok = false", [2]),
    ("ok != true", [2]),
    ("method in GET, PUT, none", [1, 3]),
    ("status in 200, 503", [1, 3]),
    ("url contains cart", [1, 2]),
    ("url contains ärger", [1]),
    ("url contains %", [4]),
    ("url starts with /cart", [1, 2]),
    ("url starts with /cart/ä", [1]),
    ("url starts with cart", []),
    ("url matches ^/[a-z]+/", [1]),
    ("url matches (?i)^/CART$", [2]),
    ("method matches ^P", [2, 3]),
    ("status matches ^5", [2, 3]),
    ("tags exists", [3]),
    ('tags contains "\\"b\\""', [3]),
    ("nothing exists", [4]),
    ("nothing = null", []),
    ("nothing != x", []),
    ('"odd \\"name\\"" = 1', [3]),
    ("Größe > 6", [3]),
    ("Größe exists and status = 503", [3]),
    ("status = 503 and method = GET", []),
    ("missing exists", []),
    ("missing != 1", []),
]


@pytest.fixture(scope="module")
def attributed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of calls with attributes, with some that are no JSON, and one without."""
    path = tmp_path_factory.mktemp("attributed") / "trace.db"
    texts = [json.dumps({"attributes": attributes}) for attributes in ATTRIBUTES]
    texts += ['{"attributes": ', '"attributes"', "[1]", '{"attributes": [1]}', '{"events": []}']
    rows = [Row("call", "web", "load", table.START_NS + at, attributes=text) for at, text in enumerate(texts)]
    table.store(path, [*rows, Row("call", "web", "load", table.START_NS + 99)])
    return path


@pytest.mark.parametrize(("where", "ids"), FITTING)
def test_rows_fit_by_their_attributes(attributed: Path, where: str, ids: list[int]) -> None:
    with Engine(attributed) as engine:
        assert traces.page(engine, ALWAYS, row_filter=RowFilter(where=where), sort="-time")["id"].tolist() == ids
        assert (
            traces.page(engine, ALWAYS, row_filter=RowFilter(where=where), sort="process")["id"].tolist() == ids[::-1]
        )
        assert traces.total(engine, ALWAYS, row_filter=RowFilter(where=where))["rows"].tolist() == [len(ids)]


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=WITHOUT_NUL.filter(bool),
    value=WITHOUT_NUL | st.integers() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False),
)
def test_a_row_fits_the_very_value_that_it_has(
    tmp_path_factory: pytest.TempPathFactory, name: str, value: str | float
) -> None:
    path = tmp_path_factory.mktemp("one") / "trace.db"
    for ascii_only in (True, False):
        text = json.dumps({"attributes": {name: value, f"{name}x": "other"}}, ensure_ascii=ascii_only)
        table.store(path, [Row("call", "web", "load", table.START_NS, attributes=text)])
    text = str(value).lower() if isinstance(value, bool) else value if isinstance(value, str) else repr(value)
    with Engine(path) as engine:
        for condition in (Condition(name, "=", (text,)), Condition(name, "in", ("-", text)), Condition(name, "exists")):
            assert len(traces.page(engine, ALWAYS, row_filter=RowFilter(where=condition.text))) == 2
        assert traces.page(engine, ALWAYS, row_filter=RowFilter(where=Condition(name, "!=", (text,)).text)).empty


def test_half_a_character_written_as_json_is_refused_too() -> None:
    with pytest.raises(BadParameter, match="half a character"):
        conditions(r'a = "\ud800"')


def test_a_pattern_matches_in_short_and_in_long_texts(log: Path) -> None:
    texts = ["x" * 199 + "end", "x" * 10_000 + "end", "end" + "x" * 10_000]
    rows = [
        Row("call", "web", "load", table.START_NS + at, attributes=json.dumps({"attributes": {"text": text}}))
        for at, text in enumerate(texts)
    ]
    table.store(log, rows)
    with Engine(log) as engine:
        assert traces.page(engine, ALWAYS, row_filter=RowFilter(where="text matches end$"), sort="-time")[
            "id"
        ].tolist() == [1, 2]

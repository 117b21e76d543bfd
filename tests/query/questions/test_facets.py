"""Facets of the matching rows."""

import json
from collections import Counter

import pytest

from obs_core.clock import Window
from obs_core.errors import BadParameter
from obs_core.model import Row
from obs_core.query.engine import sqlite_reader
from obs_core.query.engine.engine import Engine
from obs_core.query.filters.row_filter import RowFilter, gathered
from obs_core.query.questions import facets
from tests.support import table

ALWAYS = Window(0, 2**63 - 1)
ROWS = """
    seconds  kind   process  process_group  data   function  data_type  status  exception
    0        call   a        red            load   app.load  dict       OK      -
    1        call   a        red            load   app.load  dict       ERROR   KeyError:x
    2        call   b        red            load   app.load  list       ERROR   KeyError:y
    3        value  b        blue           price  -         float      OK      -
    4        call   b        blue           poll   -         -          ERROR   no-type
"""
KEYS = {
    "group": "process_group",
    "process": "process",
    "status": "status",
    "data_type": "data_type",
}


@pytest.fixture
def shop(engine: Engine) -> Engine:
    table.store(engine.log, table.rows(ROWS))
    return engine


def counts(engine: Engine, **filters: object) -> dict[str, dict[str, int]]:
    """Each facet's values with their rows, as the question returns them."""
    answer = facets.facets(engine, ALWAYS, **gathered(filters))
    rows_by_value: dict[str, dict[str, int]] = {name: {} for name in facets.FACETS}
    for facet, value, rows in answer.itertuples(index=False):
        rows_by_value[facet][value] = rows
    return rows_by_value


def test_a_facet_counts_the_rows_of_its_values_most_first(shop: Engine) -> None:
    rows_by_value = counts(shop)
    for facet, field in KEYS.items():
        expected = Counter(getattr(row, field) for row in table.rows(ROWS) if getattr(row, field))
        assert rows_by_value[facet] == expected
        assert list(rows_by_value[facet].values()) == sorted(rows_by_value[facet].values(), reverse=True)
    assert rows_by_value["function"] == {"app.load": 3, "poll": 1, "price": 1}
    assert rows_by_value["exception_type"] == {"KeyError": 2}


def test_a_facet_respects_all_filters_but_its_own(shop: Engine) -> None:
    rows_by_value = counts(shop, status="ERROR", group="red")
    assert rows_by_value["status"] == {"ERROR": 2, "OK": 1}
    assert rows_by_value["group"] == {"red": 2, "blue": 1}
    assert rows_by_value["process"] == {"a": 1, "b": 1}
    assert counts(shop, errors=True) == counts(shop, status="ERROR")
    assert counts(shop, where="x exists") == {name: {} for name in facets.FACETS}


def test_only_the_most_frequent_values_are_listed(shop: Engine) -> None:
    assert counts(shop, values=1)["process"] == {"b": 3}
    with pytest.raises(BadParameter, match="values is 0"):
        counts(shop, values=0)


def test_an_answer_says_if_more_rows_match_than_are_counted(shop: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not facets.facets(shop, ALWAYS).attrs["newest"]
    monkeypatch.setattr(facets, "NEWEST", 2)
    answer = facets.facets(shop, ALWAYS)
    assert answer.attrs["newest"]
    assert answer[answer["facet"] == "process"]["value"].tolist() == ["b"]


def test_facets_that_take_too_long_are_named(shop: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facets, "LIMIT_S", -1.0)
    monkeypatch.setattr(sqlite_reader, "_STEPS", 1)
    answer = facets.facets(shop, ALWAYS, row_filter=RowFilter(status="OK"))
    assert answer.empty
    assert set(answer.attrs["timed_out"]) == set(facets.FACETS)
    assert answer.attrs["timed_out"][-1] == "status"


def test_attributes_are_counted_by_name_and_value_without_those_that_differ_in_every_row(engine: Engine) -> None:
    held = [
        {"code": 200, "ok": True, "id": "a", "deep": {"x": 1}, "obs.args": "1", "long": "x" * 201},
        {"code": 200, "ok": False, "id": "b", "region": "eu"},
        {"code": "500", "id": "c", "share": 0.5},
    ]
    rows = [
        Row("call", "feed", "load", table.START_NS + at, attributes=json.dumps({"attributes": attributes}))
        for at, attributes in enumerate(held)
    ]
    not_json = Row("call", "feed", "load", table.START_NS, attributes="no JSON {")
    table.store(engine.log, [*rows, not_json, Row("call", "other", "load", table.START_NS)])
    answer = facets.attributes(engine, ALWAYS)
    assert list(answer.itertuples(index=False, name=None)) == [
        ("code", "200", 2), ("code", "500", 1), ("region", "eu", 1), ("share", "0.5", 1),
    ]  # fmt: skip
    assert facets.attributes(engine, ALWAYS, names=1, values=1)["value"].tolist() == ["200"]
    assert facets.attributes(engine, ALWAYS, row_filter=RowFilter(where="code = 500"))["name"].tolist() == [
        "code",
        "id",
        "share",
    ]
    assert facets.attributes(engine, ALWAYS, row_filter=RowFilter(process="other")).empty

"""What the rows that fit have in common."""

from collections import Counter

import pytest

from obs_core.clock import Window
from obs_core.errors import BadParameter
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


def counts(engine: Engine, **wanted: object) -> dict[str, dict[str, int]]:
    """Each facet's values with their rows, as the question tells them."""
    found = facets.facets(engine, ALWAYS, **gathered(wanted))
    told: dict[str, dict[str, int]] = {name: {} for name in facets.FACETS}
    for facet, value, rows in found.itertuples(index=False):
        told[facet][value] = rows
    return told


def test_each_facet_counts_the_rows_of_its_values_most_first(shop: Engine) -> None:
    told = counts(shop)
    for facet, field in KEYS.items():
        expected = Counter(getattr(row, field) for row in table.rows(ROWS) if getattr(row, field))
        assert told[facet] == expected
        assert list(told[facet].values()) == sorted(told[facet].values(), reverse=True)
    assert told["function"] == {"app.load": 3, "poll": 1, "price": 1}
    assert told["exception_type"] == {"KeyError": 2}


def test_a_facet_respects_all_filters_but_its_own(shop: Engine) -> None:
    told = counts(shop, status="ERROR", group="red")
    assert told["status"] == {"ERROR": 2, "OK": 1}
    assert told["group"] == {"red": 2, "blue": 1}
    assert told["process"] == {"a": 1, "b": 1}
    assert counts(shop, errors=True) == counts(shop, status="ERROR")
    assert counts(shop, where="x exists") == {name: {} for name in facets.FACETS}


def test_only_the_most_frequent_values_are_told(shop: Engine) -> None:
    assert counts(shop, values=1)["process"] == {"b": 3}
    with pytest.raises(BadParameter, match="values is 0"):
        counts(shop, values=0)


def test_more_rows_than_are_counted_are_said(shop: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not facets.facets(shop, ALWAYS).attrs["newest"]
    monkeypatch.setattr(facets, "NEWEST", 2)
    found = facets.facets(shop, ALWAYS)
    assert found.attrs["newest"]
    assert found[found["facet"] == "process"]["value"].tolist() == ["b"]


def test_facets_that_take_too_long_are_named(shop: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facets, "LIMIT_S", -1.0)
    monkeypatch.setattr(sqlite_reader, "_STEPS", 1)
    found = facets.facets(shop, ALWAYS, row_filter=RowFilter(status="OK"))
    assert found.empty
    assert set(found.attrs["timed_out"]) == set(facets.FACETS)
    assert found.attrs["timed_out"][-1] == "status"

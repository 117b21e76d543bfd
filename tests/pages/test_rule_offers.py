"""“Make a rule from this”: on each page, the panels lead to the rule builder filled with what they show."""

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from streamlit.testing.v1 import AppTest

from obs_core.alerts.rules.kinds import KINDS
from tests.pages.conftest import Opened, page_text
from tests.support import table

CALLS = """
    seconds process process_group data  kind  data_value status function duration_ms trace_id span_id exception
    0       feed    orders        load  call  -          OK     app.load 100         t1       s1      -
    1       feed    orders        load  call  -          OK     app.load 100         t2       s2      -
    2       feed    orders        load  call  -          OK     app.load 100         t3       s3      -
    3       feed    orders        load  call  -          ERROR  app.load 100         t4       s4      ValueError:no
    4       feed    orders        price value 7          OK     app.load -           t4       s5      -
"""


OF_PRICE = [
    {"kind": kind, "process": "feed", "data": "price", **more}
    for kind, more in (
        ("stale", {"threshold": "5"}),
        ("silent", {"of": "values", "after": "5m"}),
        ("value", {"above": "7"}),
        ("value", {"below": "7"}),
        *((kind.name, kind.suggestion.fields) for kind in KINDS.values() if kind.reads == "values" and kind.check),
    )
]


def rules_offered(app: AppTest) -> list[dict[str, str]]:
    """The fields of each rule that the page's links make, without their names."""
    links = [parse_qs(element.proto.query_string) for element in app.get("page_link")]
    made = [link for link in links if link.get("a_view") == ["Rules"]]
    return [
        {name[2:]: text[0] for name, text in link.items() if name[:2] == "r_" and name != "r_name"} for link in made
    ]


def test_the_overview_suggests_a_rule_in_every_panel(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(CALLS))
    app = opened("overview")
    assert not app.exception
    rate = {"kind": "error_rate", "above": "0.5"}
    slow = {"kind": "latency", "above": "150"}
    figures = [rate, {"kind": "throughput", "changed_percent": "50"}, slow, {"kind": "stale", "threshold": "5"}]
    fresh = {"kind": "new_exception"}
    of_group = rate | {"group": "orders"}
    of_function = slow | {"function": "app.load"}
    assert rules_offered(app) == [
        *(*figures, {"kind": "writer"}),
        *(*figures[:2], slow, fresh, fresh, of_group, of_function),
    ]


def test_the_selected_group_is_the_scope_of_the_rules(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(CALLS))
    offers = rules_offered(opened("overview", group="orders"))
    assert {offer.get("group") for offer in offers if offer["kind"] in {"error_rate", "latency"}} == {"orders"}


def test_a_call_and_a_value_of_the_trace_explorer_offer_rules_about_themselves(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(CALLS))
    scope = {"group": "orders", "function": "app.load"}
    assert rules_offered(opened("trace_explorer", trace="t4", span="s4")) == [
        {"kind": "latency", "above": "150"} | scope,
        {"kind": "error_rate", "above": "0.05"} | scope,
        {"kind": "new_exception"} | scope,
    ]
    assert rules_offered(opened("trace_explorer", trace="t4", span="s5")) == OF_PRICE


def test_a_function_offers_rules_on_its_time_its_failures_its_traffic_and_its_values(
    log_path: Path, opened: Opened
) -> None:
    table.store(log_path, table.rows(CALLS))
    offers = rules_offered(opened("code_inspector", f_fn="app.load"))
    kinds = {(offer["kind"], offer.get("function"), offer.get("above")) for offer in offers}
    assert kinds == {
        ("latency", "app.load", "150"),
        ("error_rate", "app.load", "0.5"),
        ("new_exception", "app.load", None),
        ("throughput", "app.load", None),
        ("stale", None, None),
    }


CHAIN = """
    seconds process data  kind status function  duration_ms trace_id span_id parent_span_id
    0       web     serve call OK     app.serve 300         t1       s1      -
    0       web     load  call OK     app.load  200         t1       s2      s1
    0       web     read  call ERROR  app.read  100         t1       s3      s2
    0       web     read  call OK     app.read  100         t1       s4      s2
"""


def test_callers_callees_and_newest_calls_offer_rules_about_themselves(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(CHAIN))
    app = opened("code_inspector", f_fn="app.load")
    offered = [tuple(offer.items()) for offer in rules_offered(app)]
    half = {"changed_percent": "50"}
    for offer in (
        {"kind": "error_rate", "function": "app.serve", "above": "0.05"},
        {"kind": "latency", "function": "app.serve"} | half,
        {"kind": "throughput", "function": "app.serve"} | half,
        {"kind": "error_rate", "function": "app.read", "above": "0.75"},
        {"kind": "latency", "function": "app.read", "above": "150"},
    ):
        assert offered.count(tuple(offer.items())) == 1, offer
    slow = {"kind": "latency", "function": "app.load", "above": "300"}
    assert offered.count(tuple(slow.items())) == 4  # performance, history, durations and the newest calls


def test_a_row_of_the_logs_page_offers_rules_once_it_is_clicked(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(CALLS))
    app = opened("logs")
    assert rules_offered(app) == []
    app.session_state["l_rows"] = {"selection": {"cells": [(0, "Data")]}}
    app.run()
    assert rules_offered(app) == OF_PRICE
    assert rules_offered(opened("logs", l_row=app.query_params["l_row"][0])) == OF_PRICE
    scope = {"group": "orders", "function": "app.load"}
    assert rules_offered(opened("logs", l_row="4"))[0] == {"kind": "latency", "above": "150"} | scope


@pytest.mark.parametrize("row", ["999", "none", "9" * 40, "-1"])
def test_a_linked_row_that_is_missing_is_reported(row: str, log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(CALLS))
    app = opened("logs", l_row=row)
    assert not app.exception
    assert "The linked row is not in this log." in page_text(app)


def test_where_there_is_no_page_for_rules_none_is_offered(
    log_path: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENABLE_NEW_OBSERVABILITY", "false")
    table.store(log_path, table.rows(CALLS))
    app = opened("logs", l_row="5")
    assert not app.exception
    assert rules_offered(app) == []


GONE = """
    seconds process data  kind  data_value
    0       gone    price value 1
    0       quiet   load  call  -
    400     feed    price value 2
"""


def test_every_silent_process_suggests_a_rule_on_what_it_wrote(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(GONE))
    app = opened("alerts")
    offers = [button.label.replace("\\", "") for button in app.button if "No " in button.label]
    assert offers == ["No reading for 5 minutes · gone", "No call for 5 minutes · quiet"]
    app.button(key="a_make_silent_No call for 5 minutes · quiet").click().run()
    assert not app.exception
    assert app.selectbox(key="r_kind").value == "silent"
    assert (app.text_input(key="r_process").value, app.text_input(key="r_after").value) == ("quiet", "5m")
    assert app.selectbox(key="r_of").value == "calls"
    app.button(key="r_test").click().run()
    assert "It would have fired 1 time" in page_text(app)


def test_writers_offer_rules_on_their_trouble_and_on_the_silence_of_what_they_write(
    log_path: Path, opened: Opened
) -> None:
    program = f"import os; os.environ['OBS_LOG'] = {str(log_path)!r}; from obs_core import flush, record; "
    writes = program + "record('price', 1.5); flush(10); print('written', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", writes], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout
        assert writer.stdout.readline() == "written\n"
        app = opened("overview", **{"from": "now-1h", "to": "now"})
        app.session_state["o_writers"] = True  # a click opens what is below the figures
        app.run()
        assert not app.exception
        offers = [offer for offer in rules_offered(app) if offer["kind"] in {"writer", "silent"}]
        assert offers == [{"kind": "writer"}, {"kind": "writer"}, {"kind": "silent", "of": "values", "after": "5m"}]
        writer.communicate("\n")
    link = {f"r_{name}": text for name, text in offers[1].items()}
    built = opened("alerts", a_view="Rules", **link)
    assert built.selectbox(key="r_kind").value == "writer"
    assert not built.button(key="r_test").disabled


def test_what_a_program_is_called_comes_to_the_builder_as_it_is(log_path: Path, opened: Opened) -> None:
    hostile = "<b>**a&r_kind=writer**</b>"
    table.store(log_path, table.rows(CALLS.replace("app.load", hostile)))
    offers = rules_offered(opened("code_inspector", f_fn=hostile))
    assert {offer["function"] for offer in offers if offer["kind"] == "latency"} == {hostile}


def test_a_log_that_cannot_be_read_offers_no_rule_and_breaks_no_page(log_path: Path, opened: Opened) -> None:
    log_path.write_bytes(b"not a database" * 1000)
    app = opened("overview")
    assert not app.exception
    assert rules_offered(app) == []


def test_a_rule_made_from_a_span_without_a_function_finds_its_calls_by_their_name(
    log_path: Path, opened: Opened
) -> None:
    """
    seconds process data status trace_id span_id
    0       web     GET  ERROR  t1       s1
    1       web     GET  OK     t2       s2
    400     web     GET  OK     t3       s3
    """
    docstring = test_a_rule_made_from_a_span_without_a_function_finds_its_calls_by_their_name.__doc__
    table.store(log_path, table.rows(docstring or ""))
    offers = rules_offered(opened("code_inspector", f_fn="GET"))
    rate = next(offer for offer in offers if offer["kind"] == "error_rate")
    link = {f"r_{name}": text for name, text in (rate | {"above": "0.4"}).items()}
    app = opened("alerts", a_view="Rules", **link)
    app.button(key="r_test").click().run()
    assert "It would have fired 1 time" in page_text(app)
    assert app.get("vega_lite_chart")


SPANS = """
    seconds process data      kind  data_value function
    0       web     GET_/cart call  -          shop.views.cart
    1       web     GET_/cart call  -          shop.views.cart
    2       web     pay       call  -          shop.pay
    3       web     price     value 7          shop.pay
"""


@pytest.mark.parametrize(
    ("kind", "suggested"),
    [
        *((kind.name, {"data": ["price"]}) for kind in KINDS.values() if kind.reads == "values"),
        *(
            (kind.name, {"data": ["GET_/cart", "pay"], "function": ["shop.views.cart", "shop.pay"]})
            for kind in KINDS.values()
            if kind.reads == "calls"
        ),
        *((kind.name, {}) for kind in KINDS.values() if kind.reads == "writers"),
    ],
)
def test_each_field_of_a_rule_suggests_the_names_that_it_is_about(
    log_path: Path, opened: Opened, kind: str, suggested: dict[str, list[str]]
) -> None:
    table.store(log_path, table.rows(SPANS))
    app = opened("alerts", a_view="Rules", r_kind=kind)
    while retries := [button for button in app.button if button.label == "Retry"]:  # on a busy machine
        retries[0].click().run()
    assert not app.exception
    lists = {
        found[1]: re.findall(r'option value="([^"]+)"', found[2])
        for element in app.get("html")
        if (found := re.match(r'<datalist id="obs-suggest-r_(\w+)">(.*)</datalist>', element.proto.body))
    }
    expected = {"process": ["web"], **suggested}
    assert {name: texts for name, texts in lists.items() if name != "group"} == expected

"""“Make a rule from this”: on each page, the panels lead to the rule builder filled with what they show."""

from pathlib import Path
from urllib.parse import parse_qs

from streamlit.testing.v1 import AppTest

from tests.pages.conftest import Opened, words
from tests.support import table

CALLS = """
    seconds process process_group data  kind  data_value status function duration_ms trace_id span_id exception
    0       feed    orders        load  call  -          OK     app.load 100         t1       s1      -
    1       feed    orders        load  call  -          OK     app.load 100         t2       s2      -
    2       feed    orders        load  call  -          OK     app.load 100         t3       s3      -
    3       feed    orders        load  call  -          ERROR  app.load 100         t4       s4      ValueError:no
    4       feed    orders        price value 7          OK     app.load -           t4       s5      -
"""


def rules_offered(app: AppTest) -> list[dict[str, str]]:
    """The fields of each rule that the page's links make, without their names."""
    links = [parse_qs(each.proto.query_string) for each in app.get("page_link")]
    made = [link for link in links if link.get("a_view") == ["Rules"]]
    return [
        {name[2:]: text[0] for name, text in link.items() if name[:2] == "r_" and name != "r_name"} for link in made
    ]


def test_the_overview_offers_a_rule_from_each_panel(log_path: Path, opened: Opened) -> None:
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


def test_the_chosen_group_is_the_scope_of_the_rules(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(CALLS))
    offers = rules_offered(opened("overview", group="orders"))
    assert {offer.get("group") for offer in offers if offer["kind"] in {"error_rate", "latency"}} == {"orders"}


def test_a_call_and_a_value_of_the_trace_explorer_offer_rules_about_themselves(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(CALLS))
    whose = {"group": "orders", "function": "app.load"}
    assert rules_offered(opened("trace_explorer", trace="t4", span="s4")) == [
        {"kind": "latency", "above": "150"} | whose,
        {"kind": "error_rate", "above": "0.05"} | whose,
        {"kind": "new_exception"} | whose,
    ]
    value = rules_offered(opened("trace_explorer", trace="t4", span="s5"))
    assert value == [{"kind": "stale", "process": "feed", "data": "price", "threshold": "5"}]


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
    assert "It would have fired 1 time" in words(app)
    assert app.get("vega_lite_chart")

"""The Trace Explorer page on real logs."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import streamlit as st
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st_
from streamlit.testing.v1 import AppTest

from obs_core.model import Row
from obs_core.query.filters import paging
from obs_core.query.filters.row_filter import KINDS
from obs_core.query.questions import facets
from obs_core.ui.explorer import expanded_rows as open_rows
from obs_core.ui.explorer import filter_link, pager, trace_table
from obs_core.ui.explorer.grid import Click
from obs_core.ui.shell import answers
from tests.support import table

HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "::JSCODE::alert(1)::JSCODE::",
    "=1+1",
    "user\u202efdp.exe",
    "a\0b",
    "x" * 25_000,
)
ROUTER = Path(__file__).parents[2] / "pages" / "_router.py"
SHOP = """
    seconds  process  process_group  data    kind   trace_id  span_id  parent_span_id  duration_ms  status  exception
    0        web      shop           serve   call   t1        s1       -               100          OK      -
    1        web      shop           load    call   t1        s2       s1              60           ERROR   OSError:disk
    2        web      shop           price   value  t1        -        s2              -            OK      -
    3        worker   back           refill  call   t2        s1       -               5            OK      -
"""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the log of the page is; the engine is closed afterwards."""
    path = tmp_path / "trace.db"
    monkeypatch.setenv("OBS_LOG", str(path))
    yield path
    answers.close()
    st.cache_resource.clear()


def shop() -> list[Row]:
    """Two traces: a page that failed to load and read one price, and a call of its own."""
    return [row._replace(data_value="101.5") if row.data == "price" else row for row in table.rows(SHOP)]


def opened(**link: str | list[str]) -> AppTest:
    """The page as somebody sees it who opens a link; on all rows, unless it says otherwise."""
    app = AppTest.from_file(ROUTER, default_timeout=30)
    for name, value in ({"from": "first", "to": "last", "t_view": "Rows"} | link).items():
        app.query_params[name] = value
    return app.switch_page("trace_explorer.py").run()


def grid_rows(app: AppTest) -> str:
    """The data that the table got, as its text."""
    return next(repr(element.proto) for element in app.get("component_instance"))


def texts(app: AppTest) -> str:
    """All text of the page's plain elements."""
    parts = [*app.markdown, *app.caption, *app.info, *app.warning, *app.code, *app.error]
    return "\n".join(str(part.value) for part in parts)


def test_the_page_shows_the_windows_rows_and_how_many(path: Path) -> None:
    table.store(path, shop())
    app = opened()
    assert not app.exception
    assert "4 rows" in texts(app)
    for text in ("serve", "load", "price", "refill", "101.5", "OSError:disk"):
        assert text in grid_rows(app)


def test_the_page_opens_on_the_traces_and_an_old_link_on_the_rows(path: Path) -> None:
    table.store(path, shop())
    app = opened(t_view="Traces")
    assert "2 traces" in texts(app)
    assert "t_view" not in app.query_params
    assert "price" not in grid_rows(app)
    assert opened(t_view="Traces", t_status="ERROR").query_params["t_status"] in ("ERROR", ["ERROR"])
    assert "1 trace" in texts(opened(t_view="Traces", t_status="ERROR"))
    roots = opened(t_view="Roots only")
    assert "2 rows" in texts(roots)
    assert roots.query_params["t_view"] in ("Roots only", ["Roots only"])
    app = AppTest.from_file(ROUTER, default_timeout=30)
    for name, value in {"from": "first", "to": "last", "t_sort": "Oldest first"}.items():
        app.query_params[name] = value
    assert "4 rows" in texts(app.switch_page("trace_explorer.py").run())


def test_a_click_on_a_header_sorts(path: Path) -> None:
    table.store(path, shop())
    app = opened(t_sort="Slowest first")
    assert "Duration desc|rows|Data Type" in grid_rows(app)
    for order, name in {
        "Duration asc": "Fastest first",
        "Data Type desc": "Data type Z to A",
        "": "Newest first",
    }.items():
        assert filter_link.SORT_NAMES[filter_link.sort_of(order)] == name
    assert {sort: filter_link.sort_of(filter_link.order_of(sort)) for sort in paging.SORTS} == {
        s: s for s in paging.SORTS
    }
    assert set(filter_link.SORTS.values()) == set(paging.SORTS)


def test_filters_come_from_the_link_and_are_shown_with_a_way_to_remove_them(path: Path) -> None:
    table.store(path, shop())
    app = opened(t_q="DISK", t_status="ERROR", t_kind="call", t_process="web")
    assert "1 row" in texts(app)
    assert "refill" not in grid_rows(app)
    app.button(key="t_chip_status").click().run()
    assert app.session_state["t_status"] is None
    assert app.session_state["t_q"] == "DISK"
    app.button(key="t_chip_all").click().run()
    assert "4 rows" in texts(app)


def test_open_menus_offer_what_is_frequent_in_the_window(path: Path) -> None:
    row = Row("call", "web", "load", table.START_NS, function="app.load", data_type="dict", status="ERROR")
    table.store(path, [row._replace(exception="KeyError: x", attributes='{"attributes": {"http.method": "GET"}}')])
    app = opened()
    assert app.selectbox(key="t_fn").options == []
    for key in ("t_more", "t_columns"):
        app.session_state[key] = True
    app.run()
    offered = {key: app.selectbox(key=key).options for key in ("t_fn", "t_type", "t_exc")}
    assert offered == {"t_fn": ["app.load"], "t_type": ["dict"], "t_exc": ["KeyError"]}
    assert "Attributes here: http.method" in texts(app).replace("\\", "")
    assert "http.method" in app.multiselect(key="t_cols").options


def test_all_further_filters_come_from_the_link_and_go_one_by_one(path: Path) -> None:
    attributes = [{"code": 200}, {"code": 503, "user": "a, b"}, {"code": 500}]
    rows = [
        Row("call", "web", "load", table.START_NS, function="app.load", data_type="dict", status="ERROR")._replace(
            exception="KeyError: x", duration_ns=number * 1_000_000, attributes=json.dumps({"attributes": values})
        )
        for number, values in enumerate(attributes, 1)
    ]
    table.store(path, rows)
    link = {"t_fn": "app.load", "t_type": "dict", "t_exc": "KeyError", "t_min": "1.5", "t_max": "9"}
    app = opened(**link, t_where='code >= 500 and user = "a, b"')
    assert not app.exception
    assert "1 row" in texts(app)
    labels = [button.label.replace("\\", "") for button in app.button if (button.key or "").startswith("t_chip_")]
    assert labels == [
        "function: app.load",
        "data type: dict",
        "exception: KeyError",
        "at least: 1.50 ms",
        "at most: 9.00 ms",
        "code >= 500",
        'user = "a, b"',
        "Clear all",
    ]
    app.button(key="t_chip_where_1").click().run()
    assert app.session_state["t_where"] == "code >= 500"
    assert "2 rows" in texts(app)
    app.query_params["t_view"] = "Rows"  # without filters, a link shows traces
    app.button(key="t_chip_all").click().run()
    assert "3 rows" in texts(app)


def test_invalid_parameters_are_reported_until_dismissed(path: Path) -> None:
    table.store(path, shop())
    app = opened(t_status="BAD", t_kind="<b>", t_min="-1", t_sort="call", t_size="7", t_tab="x", t_row="x")
    page_text = texts(app)
    for text in ("“BAD” is not one of OK, ERROR, UNSET", "t_kind is ignored", "not a duration in milliseconds"):
        assert text in page_text.replace("\\", "")
    for key in ("t_sort", "t_size", "t_tab", "t_row"):
        assert f"{key} is ignored" in page_text.replace("\\", "")
    assert "4 rows" in page_text
    app.run()
    assert "is not one of" in texts(app)
    app.button(key="t_notes_dismiss").click().run()
    assert "is not one of" not in texts(app)


def test_incomplete_conditions_are_reported_and_ignored(path: Path) -> None:
    table.store(path, shop())
    page_text = texts(opened(t_where="http.status_code >="))
    assert "is not a valid condition on an attribute" in page_text
    assert "t_where is ignored" in page_text.replace("\\", "")
    assert "4 rows" in page_text


def test_facets_show_what_fits_and_narrow_with_a_click(path: Path) -> None:
    table.store(path, shop())
    app = opened(t_facets="true", t_process="web")
    labels = [button.label for button in app.button if (button.key or "").startswith("t_facet_")]
    assert {"3 · web", "1 · worker", "3 · shop", "2 · OK", "1 · ERROR", "1 · OSError", "1 · load"} <= set(labels)
    app.button(key="t_facet_status_ERROR").click().run()
    assert app.session_state["t_status"] == "ERROR"
    assert "1 row" in texts(app)
    app.button(key="t_facet_status_ERROR").click().run()
    assert "3 rows" in texts(app)
    app.button(key="t_facet_group_shop").click().run()
    assert app.session_state["group"] == "shop"


def test_a_click_on_an_attribute_adds_a_condition_and_another_one_removes_it(path: Path) -> None:
    attributes = [{"code": 200, "user": "a, b"}, {"code": 200}, {"code": 500, "user": "a, b"}]
    held = (json.dumps({"attributes": values}) for values in attributes)
    table.store(path, [Row("call", "web", "load", table.START_NS, attributes=text) for text in held])
    app = opened(t_facets="true")
    app.button(key="t_facet_where_code = 200").click().run()
    assert app.session_state["t_where"] == "code = 200"
    assert "2 rows" in texts(app)
    app.button(key='t_facet_where_user = "a, b"').click().run()
    assert app.session_state["t_where"] == 'code = 200 and user = "a, b"'
    assert "1 row" in texts(app)
    app.button(key="t_facet_where_code = 200").click().run()
    assert app.session_state["t_where"] == 'user = "a, b"'


def test_a_status_of_another_program_is_counted_and_can_not_be_clicked(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        columns = '"Process", "Data", "Data Type", "Data Value", "Timestamp", "Status", "Exception"'
        connection.execute(f"CREATE TABLE data_trace ({columns})")
        row = ("feed", "load", None, None, "2026-01-01T00:00:00", "PENDING", None)
        connection.execute("INSERT INTO data_trace VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        connection.commit()
    app = opened(t_facets="true")
    assert not app.exception
    assert app.button(key="t_facet_status_PENDING").disabled
    app.button(key="t_facet_function_load").click().run()
    assert "1 row" in texts(app)


def test_an_export_says_first_how_many_rows_it_holds_and_how_large_it_is(path: Path) -> None:
    table.store(path, shop())
    app = opened(t_kind="call")
    assert "Download CSV" not in str(app.get("link_button"))
    app.session_state["t_export"] = True
    app.run()
    assert "3 rows" in texts(app)
    assert "about" in texts(app)
    [link] = [button.proto.url for button in app.get("link_button") if button.proto.label == "Download CSV"]
    assert link.startswith("/export/rows.csv?from=")
    assert "t_kind=call" in link


def test_columns_are_pinned_by_the_link(path: Path) -> None:
    attributes = json.dumps({"attributes": {"http.status_code": 418, "<b>": "bold"}})
    table.store(path, [row._replace(attributes=attributes, memory_delta=2_048) for row in shop()])
    app = opened(t_cols=["Group", "Memory", "http.status_code", "<b>"])
    assert not app.exception
    for text in ("418", "bold", "2.05 kB", "back"):
        assert text in grid_rows(app)


def test_a_filter_without_matches_says_what_to_do(path: Path) -> None:
    table.store(path, shop())
    assert "match these filters" in texts(opened(t_q="%"))


def test_pages_continue_by_a_keyset_and_the_link_has_the_cursor(path: Path) -> None:
    table.store(path, [Row("call", "web", f"call_{number:03}", table.START_NS + number) for number in range(120)])
    app = opened(t_size="50")
    assert "120 rows · page 1 · 50 on this page" in texts(app)
    assert "call_119" in grid_rows(app)
    following = next(button for button in app.button if button.label == "Next")
    following.click().run()
    assert "page 2" in texts(app)
    assert "call_069" in grid_rows(app)
    assert "call_119" not in grid_rows(app)
    [token] = (
        app.query_params["t_after"] if isinstance(app.query_params["t_after"], list) else [app.query_params["t_after"]]
    )
    assert "call_069" in grid_rows(opened(t_size="50", t_after=token))
    next(button for button in app.button if button.label == "Previous").click().run()
    assert "call_119" in grid_rows(app)


def test_an_invalid_cursor_is_reported_and_the_first_page_shown(path: Path) -> None:
    table.store(path, shop())
    app = opened(t_after="%%%")
    assert "t_after is ignored" in texts(app).replace("\\", "")
    assert "serve" in grid_rows(app)


def test_a_link_to_a_call_opens_its_trace_with_values_and_exception(path: Path) -> None:
    table.store(path, shop())
    app = opened(trace="t1", span="s2")
    assert "2 calls · 1 value or log" in texts(app)
    assert "OSError:disk" in texts(app)
    assert "101.5" in "".join(str(frame.value) for frame in app.dataframe)


def test_a_link_opens_the_table_by_function(path: Path) -> None:
    table.store(path, shop())
    [functions] = [frame.value for frame in opened(trace="t1", span="s2", t_tab="By function").dataframe]
    assert functions[["function", "calls", "errors", "total_ms", "self_ms"]].to_numpy().tolist() == [
        ["serve", 1, 0, 100.0, 100.0],
        ["load", 1, 1, 60.0, 60.0],
    ]


@pytest.mark.parametrize("tab", ["By function", "Call"])
def test_a_row_without_a_trace_opens_after_a_trace(path: Path, tab: str) -> None:
    """Its trace's tab is a control that is bound to the link, and goes with the trace."""
    table.store(path, [*shop(), Row("value", "web", "rate", table.START_NS, data_value="7.25")])
    app = opened(trace="t1", span="s2", t_tab=tab)
    for name in ("trace", "span"):
        del app.query_params[name]
    app.query_params["t_row"] = "5"
    app.run()
    assert not app.exception
    assert "7.25" in texts(app)
    assert "t_tab" not in app.query_params


def test_a_link_with_a_tab_and_no_trace_loses_the_tab(path: Path) -> None:
    table.store(path, shop())
    assert "t_tab" not in opened(t_tab="By function").query_params


def test_a_call_is_ranked_among_those_of_its_own_last_day(path: Path) -> None:
    day, later = 86_400_000_000_000, table.START_NS + 10_000_000
    call = Row("call", "web", "load", table.START_NS, "shop", trace_id="t1", span_id="s", duration_ns=5_000_000)
    others = [call._replace(span_id=f"s{ms}", duration_ns=ms * 1_000_000) for ms in (1, 2, 9)]
    older = [call._replace(span_id="old", timestamp=later - day - 1, duration_ns=1)]
    table.store(path, [*others, *older, call._replace(timestamp=later)])
    app = opened(trace="t1", span="s")
    assert "P50, slower than 2 of 4 calls" in "".join(str(part.proto.body) for part in app.get("html"))


def test_a_value_shows_all_its_readings_and_which_are_stale(path: Path) -> None:
    values = ("1", "7", "7", "7", "7", "7", "7", "2")
    price = Row("value", "web", "price", table.START_NS, data_type="int")
    table.store(path, [price._replace(timestamp=price.timestamp + at, data_value=v) for at, v in enumerate(values)])
    [readings] = [frame.value for frame in opened(t_row="2").dataframe]
    assert readings["Value"].tolist() == list(reversed(values))
    assert readings["Stale"].tolist() == ["", *["● one of 6 equal"] * 6, ""]


def test_a_link_to_a_trace_that_is_not_there_says_so(path: Path) -> None:
    table.store(path, shop())
    assert "Trace not found in this log" in texts(opened(trace="' OR 1=1 --", span="<b>"))


def test_a_row_without_a_trace_opens_by_its_id(path: Path) -> None:
    table.store(path, [Row("value", "web", "price", table.START_NS, data_value="101.5")])
    assert "101.5" in texts(opened(t_row="1"))
    assert "This row is no longer in the log" in texts(opened(t_row="999"))


def test_children_come_with_a_click_and_go_with_another(path: Path) -> None:
    table.store(path, [row for row in shop() if row.trace_id == "t1"])
    app = opened()
    before = grid_rows(app).count("load")
    app.session_state[trace_table.EXPANDED] = {"1": 200}
    app.run()
    assert grid_rows(app).count("load") == before + 1


def test_a_link_opens_the_rows_that_it_names_with_their_attributes(path: Path) -> None:
    attributes = json.dumps({"attributes": {"user.id": "u-77", "cached": True}, "events": [{"name": "unseen"}]})
    table.store(path, [row._replace(attributes=attributes) for row in shop() if row.trace_id == "t1"])
    assert "u-77" not in grid_rows(opened())
    app = opened(t_open="1_1.2")
    assert not app.exception
    assert grid_rows(app).count("u-77") == 2
    assert grid_rows(app).count("price") == 2
    assert "unseen" not in grid_rows(app)
    assert app.query_params["t_open"] in ("1_1.2", ["1_1.2"])
    assert "3 rows" in texts(app)


LINKS = st_.fixed_dictionaries(
    {},
    optional={
        "t_open": st_.sampled_from([{"1": 200}, {"1": 200, "1/2": 400}, {"4": 600}]).map(open_rows.to_text),
        "t_raw": st_.just("true"),
        "t_facets": st_.just("true"),
        "t_level": st_.sampled_from(filter_link.LEVELS),
        "t_size": st_.sampled_from([size for size in filter_link.SIZES if size != pager.SIZE]),
        "t_sort": st_.sampled_from([*filter_link.SORTS][1:]),
        "t_tab": st_.sampled_from(filter_link.TABS[1:]),
        "t_cols": st_.lists(st_.sampled_from(["Group", "Memory", "user.id", "<b>"]), min_size=1, unique=True),
        "t_kind": st_.sampled_from(KINDS),
        "t_min": st_.integers(0, 9).map(lambda ms: str(ms / 8)),
    },
)


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=(Phase.explicit, Phase.generate),  # each run draws the page; to make a failure small takes minutes
)
@given(link=LINKS)
def test_every_control_comes_from_the_link_in_one_run(path: Path, link: dict[str, str | list[str]]) -> None:
    if not path.exists():
        table.store(path, shop())
    app = opened(**link, trace="t1", span="s2")
    assert not app.exception
    assert "is ignored" not in texts(app)
    for name, value in link.items():
        linked = app.query_params[name]
        assert ([linked] if isinstance(linked, str) else linked) == ([value] if isinstance(value, str) else value)
    state = app.session_state
    assert state[trace_table.EXPANDED] == open_rows.from_text(str(link.get("t_open", "")))
    assert (state["t_raw"], state["t_facets"]) == ("t_raw" in link, "t_facets" in link)
    assert (state["t_size"], state["t_sort"]) == (link.get("t_size", "100"), link.get("t_sort", "Newest first"))
    assert (state["t_tab"], state["t_cols"]) == (link.get("t_tab", "Selected row"), link.get("t_cols", []))
    assert (state["t_kind"], state["t_min"]) == (
        link.get("t_kind"),
        float(str(link["t_min"])) if "t_min" in link else None,
    )


def test_a_link_that_expands_an_unknown_row_reports_it_and_expands_nothing(path: Path) -> None:
    table.store(path, shop())
    app = opened(t_open="1_<b>", t_level="31", trace="t1", t_raw="1", t_facets="yes")
    page_text = texts(app).replace("\\", "")
    for text in ("Unknown expanded row “<b>”", "not a level from 1 to 30", "t_raw is ignored", "t_facets is ignored"):
        assert text in page_text
    assert not {"t_open", "t_level", "t_raw", "t_facets"} & set(app.query_params)
    assert grid_rows(app).count("serve") == grid_rows(opened()).count("serve")
    gone = opened(t_open="999_999.1~3")
    assert "is ignored" not in texts(gone)
    assert "4 rows" in texts(gone)


def test_values_longer_than_their_control_are_reported(path: Path) -> None:
    table.store(path, shop())
    page_text = texts(opened(t_q="x" * 1_001, t_cols=[f"column {at}" for at in range(13)])).replace("\\", "")
    assert "t_q has more than 1,000 characters" in page_text
    assert "t_cols has more than 12 columns" in page_text


def test_a_link_says_that_formulas_stay_as_they_are(path: Path) -> None:
    table.store(path, shop())
    app = opened(t_raw="true")
    assert app.query_params["t_raw"] in ("true", ["true"])
    app.session_state["t_export"] = True
    app.run()
    [link] = [button.proto.url for button in app.get("link_button") if button.proto.label == "Download CSV"]
    assert link.endswith("&raw=1")
    app.session_state["t_export"] = False
    app.run()
    assert app.query_params["t_raw"] in ("true", ["true"])


def test_a_link_to_a_row_that_is_not_in_its_trace_reports_it(path: Path) -> None:
    table.store(path, shop())
    assert "The linked row “s9” is not in this trace" in texts(opened(trace="t1", span="s9"))
    assert "The linked row" not in texts(opened(trace="t1", span="s2"))


@pytest.mark.parametrize(
    ("text", "name", "value", "kind"),
    [
        ("no JSON {", "(not JSON)", "no JSON {", "string"),
        (r'{"attributes": {"half": "\udfff"}}', "half", "\ufffd", "string"),
        ('{"attributes": {"deep": {"a": [1]}}}', "deep", '{"a": [1]}', "kvlist"),
    ],
)
def test_attributes_of_any_kind_are_rows_and_stand_in_the_card(
    path: Path, text: str, name: str, value: str, kind: str
) -> None:
    table.store(path, [Row("call", "web", "load", table.START_NS, attributes=text)])
    app = opened(t_open="1", t_row="1")
    assert not app.exception
    assert "can't be shown" not in texts(app)
    [cells] = [frame.value for frame in app.dataframe]
    assert cells.to_numpy().tolist() == [["attributes", name, value]]
    assert name in grid_rows(app)
    assert kind in grid_rows(app)


def test_the_card_shows_a_long_attribute_in_full(path: Path) -> None:
    long = "x" * 24_999 + "y"
    table.store(
        path, [Row("call", "web", "load", table.START_NS, attributes=json.dumps({"attributes": {"long": long}}))]
    )
    assert long in [part.value for part in opened(t_row="1").code]


def test_clicks_open_close_and_select(monkeypatch: pytest.MonkeyPatch) -> None:
    state: dict[str, object] = {}
    link: dict[str, str] = {"trace": "old", "t_row": "9"}
    monkeypatch.setattr(st, "session_state", state)
    monkeypatch.setattr(st, "query_params", link)
    trace_table.clicked(Click("7", "t1", "s1", "call", opens=True, selects=True))
    assert state[trace_table.EXPANDED] == {"7": 200}
    assert link == {"trace": "t1", "span": "s1", "t_open": "7"}
    trace_table.clicked(Click("7/more", "", "", "more", opens=None, selects=True))
    assert state[trace_table.EXPANDED] == {"7": 400}
    trace_table.clicked(Click("7/8", "t1", "", "value", opens=None, selects=True))
    assert link == {"trace": "t1", "span": "row-8", "t_open": "7~2"}
    trace_table.clicked(Click("7/@3", "t1", "s1", "attribute", opens=None, selects=True))
    assert link == {"trace": "t1", "span": "s1", "t_open": "7~2"}
    assert state[trace_table.SELECTED] == ("7", ("t1", "s1", None))
    trace_table.clicked(Click("7", "t1", "s1", "call", opens=False, selects=False))
    assert state[trace_table.EXPANDED] == {}
    for path, kind in (("5", "value"), ("5/@0", "attribute")):
        trace_table.clicked(Click(path, "", "", kind, opens=None, selects=True))
        assert link == {"t_row": "5"}


def test_hostile_rows_are_shown_and_nothing_of_them_is_an_option_of_the_table(path: Path) -> None:
    table.store(path, [Row("call", text[:99], text, table.START_NS + 1, data_value=text) for text in HOSTILE])
    app = opened()
    assert not app.exception
    assert "6 rows" in texts(app)
    options = json.loads(app.get("component_instance")[0].proto.json_args)["gridOptions"]
    for text in HOSTILE:
        assert text[:20] not in json.dumps(options)


def test_a_text_that_is_cut_is_offered_whole_with_its_size(path: Path) -> None:
    cut, boxed = "v" * (1 << 21), "e" * 300_000
    call = Row("call", "web", "load", table.START_NS, status="ERROR", exception="E: x")
    table.store(path, [call._replace(data_value=cut, exception_stack=boxed), call])
    links = {button.proto.label: button.proto.url for button in opened(t_row="1").get("link_button")}
    assert links["Download all of it (2.10 MB)"] == "/export/cell?id=1&column=data_value"
    assert links["Download all of it (300 kB)"] == "/export/cell?id=1&column=exception_stack"
    assert "Download all" not in str([button.proto.label for button in opened(t_row="2").get("link_button")])


def test_facets_that_took_too_long_are_counted_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = Row("call", "web", "load", table.START_NS)
    table.store(path, [row._replace(timestamp=row.timestamp + number) for number in range(20_000)])
    monkeypatch.setattr(facets, "LIMIT_S", 0.0)
    app = opened(t_facets="true")
    assert "Counting timed out (1 s). Choose a shorter window." in texts(app)
    retries = [button for button in app.button if button.label == "Retry"]
    assert len(retries) >= len(facets.FACETS)
    monkeypatch.setattr(facets, "LIMIT_S", 10.0)
    retries[0].click().run()
    assert "Counting timed out" not in texts(app)
    assert [button for button in app.button if button.label == "Retry"] == []
    assert "20,000 · web" in [button.label for button in app.button]

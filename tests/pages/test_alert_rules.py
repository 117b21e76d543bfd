"""The Alerts page after a real watcher has evaluated rules: states, readings and state changes."""

import os
import re
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

import pytest

from obs_core.alerts import ledger
from obs_core.alerts.rules import parsing, sources
from obs_core.clock import HOUR, SECOND, now_ns
from obs_core.model import Code
from obs_core.process_identity import birth_of
from obs_core.query.engine import opening
from obs_core.query.engine.engine import Engine
from obs_core.query.engine.worker_pool import Pool
from obs_core.source_code.locate import digest
from obs_core.store import log, sqlite
from obs_core.supervisor import status_file
from obs_core.supervisor.state import Child
from obs_core.ui.alerts import sparklines
from obs_core.ui.alerts.alert_details import state_change
from obs_core.ui.shell import answers
from obs_core.watch.follower import Follower
from tests.pages.conftest import Opened, page_text
from tests.support import table

STUCK = """
    seconds  process  data   kind   data_value  function
    0        feed     price  value  1           app.read
    1        feed     price  value  2           app.read
    2        feed     price  value  2           app.read
    3        feed     price  value  2           app.read
    4        feed     price  value  2           app.read
    5        feed     price  value  2           app.read
    6        feed     price  value  2           app.read
    7        feed     flow   value  5           app.read
    8        feed     flow   value  6           app.read
"""


def evaluate(log: Path, *rules: dict[str, Any], snoozed: str | None = None, at_ns: int | None = None) -> None:
    """Save these rules, and have a watcher evaluate the log once, now or at another time."""
    with closing(ledger.open_ledger(log)) as connection:
        for rule in rules:
            sources.add(connection, log, parsing.parse_rule(rule), now_ns())
        if snoozed:
            ledger.snooze(connection, snoozed, now_ns() + HOUR)
    with closing(Follower(log)) as follower:
        follower.tick(at_ns or now_ns())


def tiles(text: str) -> dict[str, str]:
    """The figures by their labels, from the page's HTML."""
    parts = [part.partition("</h3>") for part in text.split("<h3>")[1:]]
    return {label: rest.partition("<b")[2].partition(">")[2].partition("<")[0] for label, _, rest in parts}


def test_without_rules_the_page_says_how_to_make_one(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(STUCK))
    app = opened("alerts")
    assert not app.exception
    assert "No rules yet" in page_text(app)
    assert tiles(page_text(app)) == {}


def test_an_alert_appears_in_its_tile_and_in_the_table_with_its_repeats(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(STUCK))
    evaluate(log_path, {"name": "stuck", "kind": "stale"}, {"name": "high", "kind": "value", "above": 100})
    app = opened("alerts")
    assert not app.exception
    shown = tiles(page_text(app))
    assert (shown["Firing"], shown["OK"]) == ("1", "1")
    row = app.dataframe[0].value.iloc[0]
    assert (row["State"], row["Rule"], row["Series"], row["Repeats"]) == ("● firing", "stuck", "feed · price", 6)


def test_an_alert_of_the_link_shows_its_readings_its_function_and_its_state_changes(
    log_path: Path, opened: Opened
) -> None:
    table.store(log_path, table.rows(STUCK))
    evaluate(log_path, {"name": "stuck", "kind": "stale"})
    app = opened("alerts", a_rule="stuck")
    assert not app.exception
    assert "app.read" in page_text(app)
    assert "not recorded" in page_text(app) or "trace it with" in page_text(app)
    assert len(app.get("vega_lite_chart")) == 2
    assert any("inactive → firing" in str(element.value) for element in app.dataframe)


def test_an_alert_shows_the_lines_of_the_function_that_wrote_its_value_and_leads_to_it(
    log_path: Path, opened: Opened
) -> None:
    source = "@trace\ndef read(gauge):\n    level = gauge.metres\n    record('price', level)\n"
    connection = log.open_log(log_path)
    with sqlite.transaction(connection):
        code = Code("app.read", "/srv/app.py", 7, source, digest(source), "rev1", table.START_NS)
        code_id = log.code_id(connection, code)
        log.append(connection, [row._replace(code_id=code_id) for row in table.rows(STUCK)])
    connection.close()
    evaluate(log_path, {"name": "stuck", "kind": "stale"})
    app = opened("alerts", a_rule="stuck")
    assert not app.exception
    shown = next(element.proto.body for element in app.get("html") if "Source code, lines" in element.proto.body)
    assert "level = gauge.metres" in re.sub("<[^>]+>", "", shown)
    assert "Source code, lines 7 to 10" in shown
    links = [parse_qs(element.proto.query_string) for element in app.get("page_link")]
    assert ["app.read"] in [link.get("f_fn") for link in links]


def test_a_click_on_an_alert_names_it_in_the_link(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(STUCK))
    evaluate(log_path, {"name": "stuck", "kind": "stale"})
    app = opened("alerts")
    app.session_state["a_active"] = {"selection": {"cells": [(0, "Rule")]}}
    app.run()
    assert app.query_params["a_rule"] in ("stuck", ["stuck"])


def test_a_selected_alert_stays_selected_when_a_worse_one_comes(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(STUCK))
    evaluate(log_path, {"name": "stuck", "kind": "stale"})
    app = opened("alerts")
    app.session_state["a_active"] = {"selection": {"cells": [(0, "Rule")]}}
    app.run()
    evaluate(log_path, {"name": "worse", "kind": "stale", "threshold": 4, "severity": "critical"})
    app.run()
    assert list(app.dataframe[0].value["Rule"]) == ["worse", "stuck"]
    assert app.query_params["a_rule"] in ("stuck", ["stuck"])


def test_an_alert_about_calls_shows_their_figure(log_path: Path, opened: Opened) -> None:
    """
    seconds  process  data  status  function  duration_ms  trace_id  span_id
    0        feed     load  OK      app.load  5            t1        s1
    10       feed     load  ERROR   app.load  5            t2        s2
    400      feed     load  OK      app.load  5            t3        s3
    """
    table.store(log_path, table.rows(test_an_alert_about_calls_shows_their_figure.__doc__ or ""))
    evaluate(log_path, {"name": "fails", "kind": "error_rate", "above": 0.1, "function": "app.load", "window": "60s"})
    app = opened("alerts", a_view="Rules", a_rule="fails")
    assert list(app.dataframe[0].value["Kind"]) == ["error_rate"]
    assert list(app.dataframe[0].value["Condition"]) == ["Above 0.1 · Window 1m"]
    assert "inactive → firing" in page_text(app)
    tried = opened("alerts", a_view="Rules", r_kind="error_rate", r_above="0.1", r_window="60s")
    tried.button(key="r_test").click()
    tried.run()
    assert "It would have fired 1 time" in page_text(tried)
    assert len(tried.get("vega_lite_chart")) == 1


def test_a_rule_of_the_link_shows_its_state_changes_after_it_has_resolved(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(STUCK))
    table.store(log_path, table.rows("seconds process data kind data_value\n9 feed price value 3"))
    evaluate(log_path, {"name": "stuck", "kind": "stale"})
    app = opened("alerts", a_rule="stuck")
    assert not app.exception
    assert "Nothing fires** · 1 rule OK" in page_text(app)
    assert "firing → resolved" in page_text(app)


def test_what_a_program_or_a_rule_is_called_is_shown_as_text(log_path: Path, opened: Opened) -> None:
    hostile = "<img/src=x/onerror=alert(1)>**b**"
    rows = table.rows(STUCK.replace("feed", hostile))
    table.store(log_path, rows)
    evaluate(log_path, {"name": hostile, "kind": "stale", "annotations": {"note": hostile}})
    for view in ("Now", "Rules"):
        app = opened("alerts", a_rule=hostile, a_view=view)
        assert not app.exception
        html = "\n".join(element.proto.body for element in app.get("html"))
        assert "<img" not in html
        assert not any("**b**" in str(element.value) for element in (*app.markdown, *app.caption))


def test_a_snoozed_rule_counts_as_snoozed_and_not_as_firing(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(STUCK))
    evaluate(log_path, {"name": "stuck", "kind": "stale"}, snoozed="stuck")
    shown = tiles(page_text(opened("alerts")))
    assert (shown["Firing"], shown["Snoozed"]) == ("0", "1")


def test_rules_that_are_not_evaluated_need_a_watcher(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(STUCK))
    with closing(ledger.open_ledger(log_path)) as connection:
        sources.add(connection, log_path, parsing.parse_rule({"name": "stuck", "kind": "stale"}), now_ns())
    assert "python -m obs_core watch" in page_text(opened("alerts"))
    evaluate(log_path)
    assert "python -m obs_core watch" not in page_text(opened("alerts"))


def test_a_running_watcher_shows_whether_it_evaluates_for_the_first_time_or_catches_up(
    log_path: Path, opened: Opened
) -> None:
    table.store(log_path, table.rows(STUCK))
    status_file.write(log_path, Child("watch", "running", 1, os.getpid(), birth_of(os.getpid()) or 0, 77))
    with closing(ledger.open_ledger(log_path)) as connection:
        sources.add(connection, log_path, parsing.parse_rule({"name": "stuck", "kind": "stale"}), now_ns())
    first = page_text(opened("alerts"))
    assert "The rules are being evaluated for the first time." in first
    assert "Last evaluated" not in first
    evaluate(log_path, at_ns=table.START_NS + 60 * SECOND)
    later = page_text(opened("alerts"))
    assert "The watcher is catching up. Last evaluated 2026-01-01 00:01:00.000." in later
    assert "first time" not in later


def test_an_invalid_rules_file_is_reported_and_the_page_still_works(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(STUCK))
    sources.path_of(log_path).write_text(
        "[[rule]]\nname = 'stuck'\nkind = 'stall'\n[[rule]]\nname = 'fine'\nkind = 'stale'\n"
    )
    app = opened("alerts")
    assert not app.exception
    assert "the other rules are evaluated" in page_text(app)
    assert "fine" in page_text(opened("alerts", a_view="Rules"))
    assert "'stall'" in page_text(app)
    assert "● 1 stale now" in page_text(app)


def test_an_alert_has_its_trend_with_the_streak_shaded_and_when_its_value_was_first_seen(
    log_path: Path, opened: Opened
) -> None:
    table.store(log_path, table.rows(STUCK))
    evaluate(log_path, {"name": "stuck", "kind": "stale"})
    row = opened("alerts").dataframe[0].value.iloc[0]
    assert row["First seen"] == row["Last change"] == "2026-01-01 00:00"
    details = page_text(opened("alerts", a_rule="stuck"))
    assert "<dt>First seen</dt><dd title='2026-01-01 00:00:01.000'" in details
    drawn = unquote(row["Trend"])
    assert drawn.startswith("data:image/svg+xml,<svg")
    # The window is the log's, 8 s and a nanosecond long: the streak started after 1 s, and is ongoing.
    band = re.search(r"<rect x='([\d.]+)' width='([\d.]+)'", drawn)
    assert band is not None
    assert [float(part) / sparklines.WIDTH for part in band.groups()] == pytest.approx([1 / 8, 7 / 8], abs=0.001)


def test_a_value_was_first_seen_where_it_is_first_in_the_log_and_changed_where_its_streak_started(
    log_path: Path, opened: Opened
) -> None:
    """
    seconds  process  data   kind   data_value
    0        other    price  value  2
    60       feed     price  value  2.0
    120      feed     price  value  1
    180      feed     price  value  2
    181      feed     price  value  2
    182      feed     price  value  2
    """
    docstring = test_a_value_was_first_seen_where_it_is_first_in_the_log_and_changed_where_its_streak_started.__doc__
    table.store(log_path, table.rows(docstring or ""))
    evaluate(log_path, {"name": "stuck", "kind": "stale", "threshold": 2})
    app = opened("alerts", a_rule="stuck", **{"from": "last-1m"})  # the window starts after the first reading
    row = app.dataframe[0].value.iloc[0]
    assert (row["First seen"], row["Last change"]) == ("2026-01-01 00:01", "2026-01-01 00:03")
    assert "<dt>First seen</dt><dd title='2026-01-01 00:01:00.000'" in page_text(app)
    assert "<dt>Last change</dt><dd title='2026-01-01 00:03:00.000'" in page_text(app)


def test_a_flapping_alert_shows_since_when_and_every_time_it_fired(log_path: Path, opened: Opened) -> None:
    """
    seconds  process  data   kind   data_value
    0        feed     price  value  9
    10       feed     price  value  1
    20       feed     price  value  9
    30       feed     price  value  1
    40       feed     price  value  9
    """
    docstring = test_a_flapping_alert_shows_since_when_and_every_time_it_fired.__doc__
    table.store(log_path, table.rows(docstring or ""))
    evaluate(log_path, {"name": "high", "kind": "value", "above": 5}, at_ns=table.START_NS + 45 * SECOND)
    app = opened("alerts", a_rule="high")
    assert not app.exception
    assert app.dataframe[0].value["State"].tolist() == ["≋ flapping"]
    assert "<dt>Since</dt><dd title='2026-01-01 00:00:20.000'" in page_text(app)
    changes = next(element.value for element in app.dataframe if "State change" in element.value)
    assert changes[["State change", "Note"]].to_numpy().tolist() == [
        ["● resolved → firing", "not sent: flapping"],
        ["✓ firing → resolved", "not sent: flapping"],
        ["≋ firing → flapping", ""],
        ["● resolved → firing", "not sent: past when the rule was made"],
        ["✓ firing → resolved", "not sent: past when the rule was made"],
        ["● inactive → firing", "not sent: past when the rule was made"],
    ]
    assert app.get("vega_lite_chart")


def test_alerts_on_calls_have_the_trend_of_their_figure_and_those_on_texts_steps(
    log_path: Path, opened: Opened
) -> None:
    """
    seconds  process  data  kind   data_value  status  function  duration_ms
    0        feed     load  call   -           OK      app.load  5
    5        feed     load  call   -           ERROR   app.load  5
    6        door     lock  value  open        OK      -         -
    206      door     lock  value  shut        OK      -         -
    400      feed     load  call   -           ERROR   app.load  5
    """
    docstring = test_alerts_on_calls_have_the_trend_of_their_figure_and_those_on_texts_steps.__doc__
    table.store(log_path, table.rows(docstring or ""))
    evaluate(
        log_path,
        {"name": "fails", "kind": "error_rate", "above": 0.1, "function": "app.*", "window": "600s"},
        {"name": "shut", "kind": "value", "allowed": ["open"]},
        at_ns=table.START_NS + 420 * SECOND,
    )
    trends = dict(opened("alerts").dataframe[0].value[["Rule", "Trend"]].to_numpy())
    # Half of the calls failed in the first slice of 10 s, all in the last one; between them there is a gap.
    assert "<path d='M-0.4 20.0 L0.4 20.0 M81.6 2.0 L82.4 2.0'" in unquote(trends["fails"])
    # “open” comes first and is low; “shut” is one step higher from the slice on in which it was read.
    half = sparklines.WIDTH / 2
    assert f"<path d='M0.0 20.0 L{half:.1f} 20.0 L{half:.1f} 2.0'" in unquote(trends["shut"])


def test_addresses_in_annotations_are_links_and_nothing_else_is(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(STUCK))
    notes = {"runbook": "https://wiki.example/feed?a=1", "note": "see https://x", "bad": "javascript:alert(1)"}
    evaluate(log_path, {"name": "stuck", "kind": "stale", "annotations": notes})
    app = opened("alerts", a_rule="stuck")
    assert not app.exception
    links = {element.proto.label: element.proto.url for element in app.get("link_button")}
    assert links == {"Runbook": "https://wiki.example/feed?a=1"}
    assert "see https://x" in page_text(app)


def test_an_alert_leads_to_its_rule(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(STUCK))
    evaluate(log_path, {"name": "stuck", "kind": "stale"})
    app = opened("alerts", a_rule="stuck")
    app.button(key="a_to_rule").click().run()
    assert not app.exception
    assert "r_edit" in [button.key for button in app.button]


def test_a_stale_value_shows_its_rules(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(STUCK))
    evaluate(
        log_path, {"name": "stuck", "kind": "stale", "data": "price"}, {"name": "b", "kind": "stale", "threshold": 4}
    )
    stale = next(element.value for element in opened("alerts").dataframe if "Readings" in element.value)
    assert stale[["Data", "Rule"]].to_numpy().tolist() == [["price", "b, stuck"]]


@pytest.mark.parametrize(
    ("after", "shown"),
    [("firing", "● inactive → firing"), ("flapping", "≋ inactive → flapping"), ("odd", "· inactive → odd")],
)
def test_every_state_change_has_a_mark_in_front(after: str, shown: str) -> None:
    assert state_change("inactive", after) == shown


@pytest.mark.parametrize("view", ["Now", "Rules"])
def test_a_question_that_times_out_is_reported_in_its_panel_and_the_rest_of_the_page_is_drawn(
    log_path: Path, opened: Opened, view: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    table.store(log_path, table.rows(STUCK))
    evaluate(log_path, {"name": "stuck", "kind": "stale", "threshold": 4})
    with closing(Pool(1, memory_mb=64, limit_s=1e-6)) as impatient:
        monkeypatch.setattr(opening, "Engine", partial(Engine, pool=impatient))
        app = opened("alerts", a_view=view)
        answers.close()
    assert not app.exception
    warnings = [warning.value for warning in app.warning]
    assert not [warning for warning in warnings if "an error in this program" in warning]
    assert view == "Rules" or any("took longer than" in warning for warning in warnings)
    assert tiles(page_text(app))["Firing"] == "1"

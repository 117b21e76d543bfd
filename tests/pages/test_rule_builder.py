"""The rule form: errors are next to their field, and a rule is backtested before it is saved."""

from contextlib import closing
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from obs_core.alerts import ledger
from obs_core.alerts.deliver import webhook_store
from obs_core.alerts.deliver.webhook import Webhook
from obs_core.alerts.rules import parsing, sources
from obs_core.alerts.rules.kinds import KINDS
from obs_core.alerts.rules.model import Rule
from obs_core.clock import SECOND, now_ns
from obs_core.errors import BadParameter
from obs_core.ui.alerts import chart_annotations
from obs_core.ui.kit.durations import snooze_end_ns
from tests.pages.conftest import Opened, page_text
from tests.pages.test_alert_rules import STUCK, evaluate
from tests.support import table


def saved_rules(log: Path) -> dict[str, Rule]:
    """The rules of the ledger by name."""
    with closing(ledger.open_ledger(log)) as connection:
        return {rule.name: rule for rule in sources.read(log, connection).rules}


def pressed(app: AppTest, key: str) -> AppTest:
    """The page after a press of this button."""
    app.button(key=key).click()
    app.run()
    assert not app.exception
    return app


def test_a_rule_is_tried_on_the_window_then_saved(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(STUCK))
    app = opened("alerts", a_view="Rules", r_name="stuck", r_data="price", r_threshold="4")
    assert app.button(key="r_save").disabled
    pressed(app, "r_test")
    assert "It would have fired 1 time" in page_text(app)
    assert "with 1 message to a webhook with default settings" in page_text(app)
    assert len(app.get("vega_lite_chart")) == 1
    pressed(app, "r_save")
    rule = saved_rules(log_path)["stuck"]
    assert (rule.kind, rule.scope.data, getattr(rule.condition, "threshold", None)) == ("stale", "price", 4)


def test_a_backtest_counts_the_messages_of_every_webhook_and_shows_when_the_alert_flaps(
    log_path: Path, opened: Opened
) -> None:
    """
    seconds  process  data   kind   data_value
    0        feed     price  value  9
    10       feed     price  value  1
    20       feed     price  value  9
    30       feed     price  value  1
    40       feed     price  value  9
    50       feed     price  value  1
    400      feed     price  value  1
    """
    docstring = test_a_backtest_counts_the_messages_of_every_webhook_and_shows_when_the_alert_flaps.__doc__
    table.store(log_path, table.rows(docstring or ""))
    with closing(ledger.open_ledger(log_path)) as connection:
        quick = {"group_wait_ns": 0, "group_interval_ns": SECOND}
        webhook_store.add(connection, Webhook("quick", "http://127.0.0.1:9/", **quick), now_ns())  # type: ignore[arg-type]
        webhook_store.add(connection, Webhook("slow", "http://127.0.0.1:9/"), now_ns())
    app = pressed(opened("alerts", a_view="Rules", r_kind="value", r_data="price", r_above="5"), "r_test")
    # Three firings. Without waits: firing, resolved, flapping, resolved; after half a minute: flapping, resolved.
    assert "It would have fired 3 times** for 1 alert, with 4 messages to quick, 2 messages to slow. " in page_text(app)
    assert "It would have flapped 1 time." in page_text(app)
    drawn = app.get("vega_lite_chart")[0].proto
    assert "flapping" in drawn.spec
    tried = app.session_state["_r_backtest"].result.flapping
    periods = [(period.starts_ns - table.START_NS, period.ends_ns - table.START_NS) for period in tried]
    assert periods == [(20 * SECOND, 130 * SECOND)]


def test_a_rule_that_was_changed_after_its_backtest_is_tried_again(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(STUCK))
    app = pressed(opened("alerts", a_view="Rules", r_name="stuck"), "r_test")
    assert not app.button(key="r_save").disabled
    app.text_input(key="r_threshold").set_value("7").run()
    assert app.button(key="r_save").disabled


def test_an_error_is_next_to_its_field(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(STUCK))
    app = opened("alerts", a_view="Rules", r_threshold="many")
    assert "Is 'many'; it must be a number" in page_text(app)
    assert app.button(key="r_test").disabled
    assert "Labels is 'team'" in page_text(opened("alerts", a_view="Rules", r_labels="team"))
    assert "Is '5x'; it must be a number or a period such as 5m" in page_text(
        opened("alerts", a_view="Rules", r_for="5x")
    )
    assert "Is missing: give above, below or allowed" in page_text(opened("alerts", a_view="Rules", r_kind="value"))


def test_every_kind_of_rule_can_be_backtested(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(STUCK))
    for kind, described in KINDS.items():
        link = {f"r_{name}": text for name, text in described.suggestion.fields.items()}
        app = pressed(opened("alerts", a_view="Rules", r_kind=kind, **link), "r_test")
        assert "would have fired" in page_text(app) or "would not have fired" in page_text(app), kind


def test_a_stale_value_fills_the_builder(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(STUCK))
    app = pressed(opened("alerts", a_threshold="3"), "a_make_stale_Stale after 3 equal readings · price of feed")
    assert app.selectbox(key="r_kind").value == "stale"
    assert app.text_input(key="r_process").value == "feed"
    assert app.text_input(key="r_data").value == "price"
    assert app.text_input(key="r_threshold").value == "3"


def test_a_rule_can_be_switched_off_edited_and_removed(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(STUCK))
    evaluate(log_path, {"name": "slow", "kind": "latency", "above": 5, "for": "2m", "labels": {"team": "water"}})
    app = opened("alerts", a_view="Rules", a_rule="slow")
    pressed(app, "r_enable")
    assert not saved_rules(log_path)["slow"].enabled
    pressed(app, "r_edit")
    assert app.selectbox(key="r_kind").value == "latency"
    assert (app.text_input(key="r_for").value, app.text_input(key="r_labels").value) == ("2m", "team=water")
    app.text_input(key="r_above").set_value("9").run()
    pressed(pressed(app, "r_test"), "r_save")
    assert getattr(saved_rules(log_path)["slow"].condition, "above", None) == 9
    assert not saved_rules(log_path)["slow"].enabled
    pressed(app, "r_remove")
    assert not saved_rules(log_path)


def test_a_snooze_has_an_end_and_can_be_ended(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(STUCK))
    evaluate(log_path, {"name": "stuck", "kind": "stale"})
    app = pressed(opened("alerts", a_view="Rules", a_rule="stuck"), "r_snooze")
    with closing(ledger.open_ledger(log_path)) as connection:
        assert 3_590 < (ledger.snoozes(connection)["stuck"] - now_ns()) / 1e9 < 3_600
    pressed(app, "r_wake")
    with closing(ledger.open_ledger(log_path)) as connection:
        assert ledger.snoozes(connection)["stuck"] <= now_ns()


def test_an_alert_can_be_snoozed_where_it_is_shown(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(STUCK))
    evaluate(log_path, {"name": "stuck", "kind": "stale"})
    app = pressed(opened("alerts", a_rule="stuck"), "a_snooze")
    assert list(app.dataframe[0].value["State"]) == ["◌ snoozed"]


def test_a_snooze_ends_after_a_time_or_at_a_future_time() -> None:
    now = 1_767_225_600 * SECOND
    assert snooze_end_ns("2h", now) == now + 7_200 * SECOND
    assert snooze_end_ns("2026-01-01T00:10:00Z", now) == now + 600 * SECOND
    for text in ("soon", "", "2025-12-31T00:00:00Z"):
        with pytest.raises(BadParameter):
            snooze_end_ns(text, now)


def test_a_rule_of_the_file_is_shown_and_left_to_the_file(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(STUCK))
    sources.path_of(log_path).write_text("[[rule]]\nname = 'stuck'\nkind = 'stale'\n")
    app = opened("alerts", a_view="Rules", a_rule="stuck", r_name="stuck")
    assert list(app.dataframe[0].value["From"]) == ["file"]
    assert "Defined in rules.toml; edit it there" in page_text(app)
    assert {"r_edit", "r_remove", "r_enable"}.isdisjoint(button.key for button in app.button)
    assert pressed(app, "r_test").button(key="r_save").disabled


def test_a_rule_can_be_saved_switched_off_and_snoozed_until_an_end(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(STUCK))
    app = opened("alerts", a_view="Rules", r_name="stuck", r_enabled="off", r_snoozed_until="2h")
    pressed(pressed(app, "r_test"), "r_save")
    rule = saved_rules(log_path)["stuck"]
    assert (rule.enabled, rule.snoozed_until_ns) == (False, None)
    with closing(ledger.open_ledger(log_path)) as connection:
        assert 7_190 < (ledger.snoozes(connection)["stuck"] - now_ns()) / SECOND < 7_200
    pressed(app, "r_edit")
    app.text_input(key="r_snoozed_until").set_value("").run()
    pressed(app, "r_save")
    with closing(ledger.open_ledger(log_path)) as connection:
        assert ledger.snoozes(connection)["stuck"] <= now_ns()


def test_a_rule_is_tried_on_the_last_day_that_holds_data_on_the_whole_log_or_on_the_window(
    log_path: Path, opened: Opened
) -> None:
    """
    seconds  process  data   kind   data_value
    0        feed     price  value  1
    1        feed     price  value  1
    2        feed     price  value  2
    172800   feed     price  value  3
    172801   feed     price  value  3
    172802   feed     price  value  4
    """
    docstring = test_a_rule_is_tried_on_the_last_day_that_holds_data_on_the_whole_log_or_on_the_window.__doc__
    table.store(log_path, table.rows(docstring or ""))
    link = {"to": "now", "a_view": "Rules", "r_threshold": "1"}
    for over, window, times in (
        ("Last 24 h", "2026-01-02 00:00:02.000 to 2026-01-03 00:00:02.000", 1),
        ("Whole log", "2026-01-01 00:00:00.000 to 2026-01-03 00:00:02.000", 2),
        ("Window", "2026-01-01 00:00:00.000", 2),
    ):
        shown = page_text(pressed(opened("alerts", **link, r_over=over), "r_test"))
        assert f"Backtested on {window}" in shown, over
        assert f"It would have fired {times} time" in shown, over


def test_the_limits_of_a_rule_are_drawn() -> None:
    rule = {"name": "odd", "kind": "value", "above": 3.5, "below": 1}
    limits = chart_annotations.limits_of(parsing.parse_rule(rule))
    assert limits.to_numpy().tolist() == [[3.5, "above 3.5"], [1.0, "below 1"]]
    assert chart_annotations.limits_of(parsing.parse_rule({"name": "stuck", "kind": "stale"})).empty


def test_a_writer_rule_that_could_never_fire_is_rejected_next_to_its_field(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(STUCK))
    wrong = page_text(opened("alerts", a_view="Rules", r_kind="writer", r_states="DELAYED, SLOW"))
    assert "Has 'SLOW'; it may contain DELAYED, CIRCUIT_OPEN, GONE" in wrong
    assert "nothing could fire" in page_text(
        opened("alerts", a_view="Rules", r_kind="writer", r_states=",", r_drops="off")
    )

"""Webhooks on the Alerts page: saved without ever showing secrets, tested on a real receiver, removed."""

from contextlib import closing
from pathlib import Path

from streamlit.testing.v1 import AppTest

from obs_core.alerts import ledger
from obs_core.alerts.deliver import dispatcher, webhook_store
from obs_core.alerts.deliver.webhook import Webhook
from obs_core.clock import MINUTE, now_ns
from obs_core.settings import from_environment
from obs_core.ui.kit import formatting
from tests.pages.conftest import Opened, page_text
from tests.pages.test_alert_rules import STUCK, evaluate
from tests.pages.test_rule_builder import pressed
from tests.support import alertmanager, receivers, table

SECRET = "s3cret-word"  # noqa: S105 - a test's own
TOKEN = "t0ken-word"  # noqa: S105 - a test's own
JUST_AFTER = table.START_NS + MINUTE  # what a rule finds later is history, and not sent


def listed(log: Path) -> list[Webhook]:
    """The webhooks of the ledger."""
    with closing(ledger.open_ledger(log)) as connection:
        return webhook_store.listed(connection)


def typed(app: AppTest, **texts: str) -> AppTest:
    """The form with these texts in its fields."""
    for name, text in texts.items():
        (app.text_area if name == "headers" else app.text_input)(key=f"w_{name}").set_value(text)
    return app


def test_a_webhook_is_saved_tested_and_removed_and_its_secrets_are_never_shown(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(STUCK))
    with receivers.receiver(receivers.answers("200 OK")) as receiving:
        app = opened("alerts", a_view="Webhooks")
        assert "No webhooks yet" in page_text(app)
        typed(app, name="ops", url=receiving.url, secret=SECRET, headers=f"Authorization: Bearer {TOKEN}")
        pressed(app, "w_save")
        assert listed(log_path)[0].secret == SECRET
        pressed(app, "w_test")
        assert "ops answered 200" in "\n".join(message.value for message in app.success)
        assert receiving.posts[0].headers["authorization"] == f"Bearer {TOKEN}"
        assert "x-obs-signature-256" in receiving.posts[0].headers
        assert alertmanager.message(receiving.posts[0].body)["alerts"][0]["labels"]["alertname"] == "Test"
        pressed(app, "w_change")
        fields = [field.value or "" for field in (*app.text_input, *app.text_area)]
        for secret in (SECRET, TOKEN):
            assert secret not in page_text(app)
            assert secret not in "\n".join(map(str, fields))
        pressed(app, "w_remove")
        assert not listed(log_path)


def test_a_change_that_leaves_secrets_empty_keeps_them(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(STUCK))
    app = opened("alerts", a_view="Webhooks")
    typed(app, name="ops", url="http://127.0.0.1:9/a", secret=SECRET, headers=f"X-Key: {TOKEN}", severities="critical")
    pressed(pressed(app, "w_save"), "w_change")
    typed(app, severities="warning")
    pressed(app, "w_save")
    webhook = listed(log_path)[0]
    assert (webhook.url, webhook.secret, webhook.headers) == ("http://127.0.0.1:9/a", SECRET, {"X-Key": TOKEN})
    assert webhook.severities == ("warning",)


def test_an_invalid_webhook_shows_an_error_and_its_fields_stay_filled(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(STUCK))
    app = typed(opened("alerts", a_view="Webhooks"), name="ops", url="ftp://example.com")
    pressed(app, "w_save")
    assert app.text_input(key="w_url").value == "ftp://example.com"
    assert app.warning
    assert not listed(log_path)
    pressed(typed(app, url="http://127.0.0.1:9/a", wait="soon"), "w_save")
    assert "Group wait" in page_text(app)
    pressed(typed(app, wait="1s", headers=f"no colon {TOKEN}"), "w_save")
    assert "Headers: an entry has no" in page_text(app)
    assert TOKEN not in page_text(app)


def test_a_rejected_test_shows_the_status(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(STUCK))
    with receivers.receiver(receivers.answers("403 Forbidden")) as receiving:
        app = typed(opened("alerts", a_view="Webhooks"), name="ops", url=receiving.url)
        pressed(pressed(app, "w_save"), "w_test")
        assert "403" in page_text(app)


def test_the_delivery_log_shows_the_status_of_messages(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(STUCK))
    with (
        receivers.receiver(receivers.answers("200 OK")) as receiving,
        closing(ledger.open_ledger(log_path)) as connection,
    ):
        webhook_store.add(connection, Webhook("ops", receiving.url, group_wait_ns=0), now_ns())
        evaluate(log_path, {"name": "stuck", "kind": "stale"}, at_ns=JUST_AFTER)
        while dispatcher.run_round(connection, from_environment()):
            continue
        app = opened("alerts", a_view="Webhooks")
    logged = app.dataframe[-1].value
    assert logged[["Status", "Webhook", "Rule", "Response"]].to_numpy().tolist() == [["✓ sent", "ops", "stuck", "200"]]
    assert "No failed messages." in page_text(opened("alerts", a_view="Webhooks", a_deliveries="failed"))
    assert len(opened("alerts", a_view="Webhooks", a_deliveries="sent").dataframe[-1].value) == 1


def test_the_delivery_log_shows_why_a_message_was_not_sent(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(STUCK))
    with (
        receivers.receiver(receivers.answers("404 Not Found")) as refuses,
        receivers.receiver(receivers.answers("503 Later")) as fails,
        receivers.receiver(receivers.answers("301 Moved")) as moves,
        closing(ledger.open_ledger(log_path)) as connection,
    ):
        for name, receiving in {"refuses": refuses, "fails": fails, "moves": moves, "snoozed": refuses}.items():
            webhook = Webhook(name, receiving.url, group_wait_ns=0, rules=("odd" if name == "snoozed" else "stuck",))
            webhook_store.add(connection, webhook, now_ns())
        evaluate(
            log_path,
            {"name": "stuck", "kind": "stale"},
            {"name": "odd", "kind": "stale"},
            snoozed="odd",
            at_ns=JUST_AFTER,
        )
        dispatcher.run_round(connection, from_environment())
        app = opened("alerts", a_view="Webhooks")
    logged = app.dataframe[-1].value.sort_values("Webhook")
    assert logged[["Webhook", "Status", "Attempts", "Response", "Reason"]].to_numpy().tolist() == [
        ["fails", "◐ queued", 1, "503", "The webhook answered 503."],
        ["moves", "✕ failed", 1, "301", "The webhook answered 301; redirects are not followed."],
        ["refuses", "✕ failed", 1, "404", "The webhook answered 404."],
        ["snoozed", "◌ suppressed", 0, formatting.NOT_MEASURED, "Snoozed."],
    ]
    assert list(logged["Next try"] == formatting.NOT_MEASURED) == [False, True, True, True]


def test_a_change_keeps_the_limit_of_alerts_in_one_message(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(STUCK))
    with closing(ledger.open_ledger(log_path)) as connection:
        webhook_store.add(connection, Webhook("ops", "http://127.0.0.1:9/a", max_alerts=20), now_ns())
    app = pressed(opened("alerts", a_view="Webhooks"), "w_change")
    assert app.text_input(key="w_limit").value == "20"
    pressed(app, "w_save")
    assert listed(log_path)[0].max_alerts == 20
    pressed(typed(pressed(app, "w_change"), limit="many"), "w_save")
    assert "“many” is not an integer" in page_text(app)

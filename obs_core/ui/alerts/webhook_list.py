"""The webhooks without their secrets, and the delivery log."""

from collections.abc import Sequence
from typing import Any, Final

import streamlit as st
from pandas import DataFrame

from obs_core.alerts.deliver import dispatcher, retry, webhook_store
from obs_core.alerts.deliver.webhook import public_view
from obs_core.alerts.deliver.webhook_store import Delivery
from obs_core.clock import now_ns
from obs_core.settings import from_environment
from obs_core.ui.alerts import ledger_access, webhook_form
from obs_core.ui.kit import formatting, navigation, table
from obs_core.ui.kit.text import plain
from obs_core.ui.shell import state_badges
from obs_core.ui.shell.panel import boundary

_SELECTED: Final = "a_webhook"
_TEST_RESULT: Final = "_w_test_result"
_LOG_LIMIT: Final = 200
_WIDTHS: Final = {
    name: st.column_config.Column(width=width)
    for name, width in {"Status": 104, "Webhook": 80, "Changed": 92, "Sent": 92, "Next try": 92, "Reason": 300}.items()
}
_MARKS: Final = state_badges.texts(state_badges.MESSAGES)


def webhook_list() -> None:
    """Draw the webhooks; a click selects one to test, change or remove."""
    webhooks = _webhooks()
    if not webhooks:
        st.caption("No webhooks yet. Add one below (Alertmanager format).")
        return
    columns = {"Name": 140, "URL": 300, "Alerts": 200}
    linked = st.query_params.get(_SELECTED)
    shown, ids = _table(webhooks), [(str(webhook["name"]),) for webhook in webhooks]
    clicked = table.clickable(shown, ids, key="w_all", selected=[(linked,)] if linked else [], columns=columns)
    if clicked is not None:
        navigation.update_link(**{_SELECTED: clicked[0]})
    name, only = st.query_params.get(_SELECTED), webhooks[0] if len(webhooks) == 1 else None
    selected = next((webhook for webhook in webhooks if webhook["name"] == name), only)
    if selected is not None:
        _actions(selected)


def delivery_log() -> None:
    """Draw the newest deliveries, filtered by status if one is selected."""
    if not ledger_access.is_there():
        st.caption("No messages yet.")
        return
    status = st.segmented_control(
        "Status", list(_MARKS), key="a_deliveries", bind="query-params", label_visibility="collapsed"
    )
    with ledger_access.opened() as ledger:
        deliveries = webhook_store.deliveries(ledger, status=status, limit=_LOG_LIMIT)
    if not deliveries and status:
        st.caption(f"No {status} messages.")
        return
    if not deliveries:
        st.caption("No messages yet. The watcher queues one per webhook when an alert fires or resolves.")
        return
    st.dataframe(
        _delivery_table(deliveries, now_ns()),
        hide_index=True,
        column_config=_WIDTHS,
        row_height=table.ROW_HEIGHT,
        height="content" if len(deliveries) <= 8 else 300,  # noqa: PLR2004 - then it scrolls
    )


def _delivery_table(deliveries: Sequence[Delivery], now: int) -> DataFrame:
    return DataFrame(
        {
            "Status": [_MARKS.get(delivery.status, delivery.status) for delivery in deliveries],
            "Webhook": [delivery.webhook for delivery in deliveries],
            "Rule": [plain(delivery.rule, 200) for delivery in deliveries],
            "State change": [f"{delivery.state_from} → {delivery.state_to}" for delivery in deliveries],
            "Changed": [formatting.format_time_short(delivery.timestamp_ns, now) for delivery in deliveries],
            "Sent": [formatting.format_time_short(delivery.sent_ns, now) for delivery in deliveries],
            "Next try": [formatting.format_time_short(delivery.next_attempt_ns, now) for delivery in deliveries],
            "Attempts": [delivery.attempts for delivery in deliveries],
            "Response": [str(delivery.response_status or formatting.NOT_MEASURED) for delivery in deliveries],
            "Reason": [plain(delivery.error, 300) for delivery in deliveries],
        }
    )


def _webhooks() -> list[dict[str, Any]]:
    if not ledger_access.is_there():
        return []
    with ledger_access.opened() as ledger:
        return [public_view(webhook) for webhook in webhook_store.listed(ledger)]


def _table(webhooks: Sequence[dict[str, Any]]) -> DataFrame:
    return DataFrame(
        {
            "Name": [webhook["name"] for webhook in webhooks],
            "URL": [plain(webhook["url"], 300) for webhook in webhooks],
            "Alerts": [_matchers(webhook) for webhook in webhooks],
            "Signed": ["yes" if webhook["secret"] else "no" for webhook in webhooks],
            "Headers": [", ".join(webhook["headers"]) for webhook in webhooks],
        }
    )


def _matchers(webhook: dict[str, Any]) -> str:
    labels = [f"{name}={pattern}" for name, pattern in webhook["labels"].items()]
    return plain(", ".join([*webhook["rules"], *webhook["severities"], *labels]), 300) or "all"


def _actions(webhook: dict[str, Any]) -> None:
    name = str(webhook["name"])
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{formatting.escape_markdown(name)}**", width="content")
        if st.button("Send a test", key="w_test", icon=":material/send:"):
            with boundary("Test"), st.spinner("Waiting for the response…"):
                st.session_state[_TEST_RESULT] = _send_test(name)
        st.button("Change", key="w_change", on_click=webhook_form.fill, args=(webhook,))
        with st.popover("Remove"):
            st.markdown("Its secrets are deleted; queued messages are suppressed.")
            if st.button("Remove the webhook", key="w_remove", type="primary"):
                _remove(name)
    result = st.session_state.get(_TEST_RESULT)
    if result is not None and result[0] == name:
        (st.success if result[1] else st.warning)(formatting.escape_markdown(result[2]))


def _send_test(name: str) -> tuple[str, bool, str]:
    """The webhook of a test, whether the message was sent, and the result in a sentence."""
    with ledger_access.opened() as ledger:
        webhook = webhook_store.named(ledger, name)
    now = now_ns()
    response = dispatcher.send_test(webhook, from_environment(), now)
    if retry.outcome(response) == "sent":
        return name, True, f"{name} answered {response.status} at {formatting.format_time(now, date=False)}."
    return name, False, retry.error_text(response)


def _remove(name: str) -> None:
    with boundary("Remove"), ledger_access.opened() as ledger:
        webhook_store.remove(ledger, name)
        navigation.update_link(**{_SELECTED: None})
        st.session_state.pop(_TEST_RESULT, None)
        st.rerun()

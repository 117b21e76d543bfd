"""The webhooks with what may be seen of them, and the delivery log."""

from typing import Any, Final

import streamlit as st
from pandas import DataFrame

from obs_core.alerts.deliver import dispatcher, retry, webhook, webhook_store
from obs_core.clock import now_ns
from obs_core.settings import from_environment
from obs_core.ui.alerts import ledger_access, webhook_form
from obs_core.ui.kit import formatting, table
from obs_core.ui.kit.text import plain
from obs_core.ui.shell.panel import boundary

_PICKED: Final = "a_webhook"
_ANSWER: Final = "_w_answer"
_LOGGED: Final = 200
_WIDTHS: Final = {
    name: st.column_config.Column(width=width)
    for name, width in {"Status": 104, "Webhook": 80, "Flipped": 92, "Sent": 92, "Next try": 92, "Why": 300}.items()
}
_MARKS: Final = {"queued": "◐ queued", "sent": "✓ sent", "failed": "✕ failed", "suppressed": "◌ suppressed"}


def webhook_list() -> None:
    """Draw the webhooks; a click selects one to test, change or remove."""
    found = _listed()
    if not found:
        st.caption("Nobody is told yet. Add the address of a receiver below: any that takes Alertmanager's webhooks.")
        return
    columns = {"Name": 140, "Address": 300, "Told of": 200}
    place = table.newly_selected("w_all", table.clickable(_shown(found), key="w_all", columns=columns))
    if place is not None:
        st.query_params[_PICKED] = str(found[place]["name"])
    name = st.query_params.get(_PICKED)
    picked = next((each for each in found if each["name"] == name), found[0] if len(found) == 1 else None)
    if picked is not None:
        _actions(picked)


def delivery_log() -> None:
    """The newest deliveries; a choice shows those of one status alone."""
    if not ledger_access.is_there():
        st.caption("No message yet.")
        return
    status = st.segmented_control(
        "Status", list(_MARKS), key="a_deliveries", bind="query-params", label_visibility="collapsed"
    )
    with ledger_access.opened() as ledger:
        found = webhook_store.deliveries(ledger, status=status, limit=_LOGGED)
    if not found and status:
        st.caption(f"No message is {status}.")
        return
    if not found:
        st.caption("No message yet. A watcher queues one for each webhook as soon as an alert fires or ends.")
        return
    now = now_ns()
    st.dataframe(
        DataFrame(
            {
                "Status": [_MARKS.get(each.status, each.status) for each in found],
                "Webhook": [each.webhook for each in found],
                "Rule": [plain(each.rule, 200) for each in found],
                "Change": [f"{each.state_from} → {each.state_to}" for each in found],
                "Flipped": [formatting.format_time_short(each.timestamp_ns, now) for each in found],
                "Sent": [formatting.format_time_short(each.sent_ns, now) for each in found],
                "Next try": [formatting.format_time_short(each.next_attempt_ns, now) for each in found],
                "Attempts": [each.attempts for each in found],
                "Answer": [str(each.response_status or formatting.NOT_MEASURED) for each in found],
                "Why": [plain(each.error, 300) for each in found],
            }
        ),
        hide_index=True,
        column_config=_WIDTHS,
        row_height=table.ROW_HEIGHT,
        height="content" if len(found) <= 8 else 300,  # noqa: PLR2004 - then it scrolls
    )


def _listed() -> list[dict[str, Any]]:
    if not ledger_access.is_there():
        return []
    with ledger_access.opened() as ledger:
        return [webhook.public_view(each) for each in webhook_store.listed(ledger)]


def _shown(found: list[dict[str, Any]]) -> DataFrame:
    return DataFrame(
        {
            "Name": [each["name"] for each in found],
            "Address": [plain(each["url"], 300) for each in found],
            "Told of": [_told_of(each) for each in found],
            "Signed": ["yes" if each["secret"] else "no" for each in found],
            "Headers": [", ".join(each["headers"]) for each in found],
        }
    )


def _told_of(facts: dict[str, Any]) -> str:
    asked = [*facts["rules"], *facts["severities"], *(f"{name}={each}" for name, each in facts["labels"].items())]
    return plain(", ".join(asked), 300) or "everything"


def _actions(facts: dict[str, Any]) -> None:
    name = str(facts["name"])
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{formatting.escape_markdown(name)}**", width="content")
        if st.button("Send a test", key="w_test", icon=":material/send:"):
            with boundary("Test"), st.spinner("Waiting for its answer…"):
                st.session_state[_ANSWER] = _tried(name)
        st.button("Change", key="w_change", on_click=webhook_form.fill, args=(facts,))
        with st.popover("Remove"):
            st.markdown("Its secrets go with it; what waits for it is suppressed.")
            if st.button("Remove the webhook", key="w_remove", type="primary"):
                _remove(name)
    answer = st.session_state.get(_ANSWER)
    if answer is not None and answer[0] == name:
        (st.success if answer[1] else st.warning)(formatting.escape_markdown(answer[2]))


def _tried(name: str) -> tuple[str, bool, str]:
    """Whose test it was, whether it arrived, and that in a sentence."""
    with ledger_access.opened() as ledger:
        found = webhook_store.named(ledger, name)
    now = now_ns()
    answer = dispatcher.send_test(found, from_environment(), now)
    if retry.outcome(answer) == "sent":
        return name, True, f"{name} answered {answer.status} at {formatting.format_time(now, date=False)}."
    return name, False, retry.error_text(answer)


def _remove(name: str) -> None:
    with boundary("Remove"), ledger_access.opened() as ledger:
        webhook_store.remove(ledger, name)
        st.query_params.pop(_PICKED, None)
        st.session_state.pop(_ANSWER, None)
        st.rerun()

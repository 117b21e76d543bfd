"""The form of a webhook. Its fields are not in the link, and secrets are cleared from it after saving."""

from dataclasses import replace
from typing import Any, Final

import streamlit as st

from obs_core.alerts.deliver import webhook_store
from obs_core.alerts.deliver.webhook import Webhook
from obs_core.clock import now_ns, period_text
from obs_core.errors import BadParameter, ObsError
from obs_core.settings import from_environment
from obs_core.ui.alerts import ledger_access
from obs_core.ui.kit import formatting
from obs_core.ui.kit.durations import checked_duration_ns

_DEFAULTS: Final = Webhook("", "")
_RESULT: Final = "_w_result"
_MAX_DIGITS: Final = 7
_EMPTY: Final = {
    "w_name": "",
    "w_url": "",
    "w_headers": "",
    "w_secret": "",
    "w_rules": "",
    "w_severities": "",
    "w_labels": "",
    "w_group_by": "alertname",
    "w_wait": "30s",
    "w_interval": "5m",
    "w_repeat": "4h",
    "w_limit": "",
    "w_resolved": True,
}


def webhook_form() -> None:
    """Draw the form; an existing name changes that webhook, and secrets that are left empty keep their values."""
    for key, value in _EMPTY.items():
        st.session_state.setdefault(key, value)
    left, right = st.columns([1, 2], gap="small")
    left.text_input("Name", key="w_name", max_chars=64, placeholder="ops")
    right.text_input("URL", key="w_url", max_chars=2_000, placeholder="https://hooks.example.com/alerts")
    left, right = st.columns(2, gap="small")
    left.text_input("Secret", key="w_secret", type="password", max_chars=1_000, help="Signs messages; empty: unsigned")
    right.text_area("Headers, one per line", key="w_headers", height=68, placeholder="Authorization: Bearer …")
    with st.expander("Advanced: matching and grouping"):
        _advanced()
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button("Save webhook", key="w_save", type="primary", on_click=_save)
        st.caption("It receives current and future alerts; use “Send a test” to check it.", width="stretch")
    if result := st.session_state.get(_RESULT):
        (st.success if result[0] else st.warning)(formatting.escape_markdown(result[1]))


def fill(webhook: dict[str, Any]) -> None:
    """Fill the form with the `public_view` of a webhook; an empty URL keeps the saved one."""
    st.session_state.update(
        {
            **_EMPTY,
            "w_name": webhook["name"],
            "w_headers": "\n".join(f"{name}:" for name in webhook["headers"]),
            "w_rules": ", ".join(webhook["rules"]),
            "w_severities": ", ".join(webhook["severities"]),
            "w_labels": ", ".join(f"{name}={pattern}" for name, pattern in webhook["labels"].items()),
            "w_group_by": ", ".join(webhook["group_by"]),
            "w_wait": period_text(webhook["group_wait_ns"]),
            "w_interval": period_text(webhook["group_interval_ns"]),
            "w_repeat": period_text(webhook["repeat_interval_ns"]),
            "w_limit": str(webhook["max_alerts"] or ""),
            "w_resolved": webhook["send_resolved"],
            _RESULT: (True, "Leave URL, secret and header texts empty to keep them."),
        }
    )


def _advanced() -> None:
    rules, severities, labels, group_by = st.columns(4, gap="small")
    rules.text_input("Rules", key="w_rules", help="Names or patterns, separated by commas; empty: all")
    severities.text_input("Severities", key="w_severities", help="Separated by commas; empty: all")
    labels.text_input("Labels", key="w_labels", help="name=pattern, separated by commas; all must match")
    group_by_help = "Group by labels (… = one alert per message; empty = all in one)"
    group_by.text_input("One message per", key="w_group_by", help=group_by_help)
    wait, interval, repeat, limit = st.columns(4, gap="small", vertical_alignment="bottom")
    wait.text_input("Group wait", key="w_wait", help="How long the first message of a group waits for more alerts")
    interval.text_input("Group interval", key="w_interval", help="Minimum time between two messages of a group")
    repeat.text_input("Repeat interval", key="w_repeat", help="How often to repeat while firing")
    limit.text_input("Alerts per message", key="w_limit", placeholder="all", help="Further alerts are only counted")
    st.toggle("Send resolved", key="w_resolved")


def _save() -> None:
    """Add or change the webhook; errors are shown under the form, and its fields stay filled."""
    settings = from_environment()
    try:
        new = _typed()
        with ledger_access.opened() as ledger:
            if webhook_store.is_known(ledger, new.name):
                old = webhook_store.named(ledger, new.name)
                webhook_store.change(ledger, new if new.url else replace(new, url=old.url), settings.webhook_allow)
            else:
                webhook_store.add(ledger, new, now_ns(), settings.webhook_allow)
    except ObsError as error:
        st.session_state[_RESULT] = (False, f"{error.message} {error.hint}")
        return
    st.session_state.update({**_EMPTY, _RESULT: (True, f"Saved “{new.name}”.")})


def _typed() -> Webhook:
    typed = {key: st.session_state.get(key, value) for key, value in _EMPTY.items()}
    return replace(
        _DEFAULTS,
        name=typed["w_name"].strip(),
        url=typed["w_url"].strip(),
        headers=dict(_pair(line, ":", "Headers") for line in typed["w_headers"].splitlines() if line.strip()),
        secret=typed["w_secret"],
        rules=_items(typed["w_rules"]),
        severities=_items(typed["w_severities"]),
        labels=dict(_pair(part, "=", "Labels") for part in _items(typed["w_labels"])),
        group_by=_items(typed["w_group_by"]),
        group_wait_ns=checked_duration_ns("Group wait", typed["w_wait"]),
        group_interval_ns=checked_duration_ns("Group interval", typed["w_interval"]),
        repeat_interval_ns=checked_duration_ns("Repeat interval", typed["w_repeat"]),
        send_resolved=bool(typed["w_resolved"]),
        max_alerts=_alert_limit(typed["w_limit"].strip()),
    )


def _alert_limit(text: str) -> int:
    """The maximum number of alerts per message; 0: all."""
    if text and not (text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS):
        raise BadParameter(f"Alerts per message: “{text[:60]}” is not an integer.", "Write 20, or leave it empty.")
    return int(text or 0)


def _items(text: str) -> tuple[str, ...]:
    return tuple(item.strip() for item in text.split(",") if item.strip())


def _pair(text: str, between: str, label: str) -> tuple[str, str]:
    """A name and its text; an invalid line is not repeated in the error, since it may contain a secret."""
    name, separator, value = text.partition(between)
    if not separator:
        raise BadParameter(f"{label}: an entry has no “{between}”.", f"Write name{between} text.")
    return name.strip(), value.strip()

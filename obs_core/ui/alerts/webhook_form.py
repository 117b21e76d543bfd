"""The form of a webhook. Nothing of it stands in the link, and what is secret is cleared once it is kept."""

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

_USUAL: Final = Webhook("", "")
_STATE: Final = "_w_said"
_DIGITS: Final = 7
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
    "w_most": "",
    "w_resolved": True,
}


def webhook_form() -> None:
    """Draw it; a name that is taken changes that webhook, and keeps its secrets where they are left empty."""
    for key, value in _EMPTY.items():
        st.session_state.setdefault(key, value)
    left, right = st.columns([1, 2], gap="small")
    left.text_input("Name", key="w_name", max_chars=64, placeholder="ops")
    right.text_input("Address", key="w_url", max_chars=2_000, placeholder="https://hooks.example.com/alerts")
    left, right = st.columns(2, gap="small")
    left.text_input("Secret", key="w_secret", type="password", max_chars=1_000, help="Signs messages; empty: unsigned")
    right.text_area("Headers, one in a line", key="w_headers", height=68, placeholder="Authorization: Bearer …")
    with st.expander("More: which alerts, and how they are gathered"):
        _more()
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button("Keep the webhook", key="w_keep", type="primary", on_click=_keep)
        st.caption("It is told of what fires now and of what comes; try it with its test button.", width="stretch")
    if said := st.session_state.get(_STATE):
        (st.success if said[0] else st.warning)(formatting.escape_markdown(said[1]))


def fill(facts: dict[str, Any]) -> None:
    """Fill the form with what may be seen of a webhook (`receiver.shown`); its address is left to be kept."""
    st.session_state.update(
        {
            **_EMPTY,
            "w_name": facts["name"],
            "w_headers": "\n".join(f"{name}:" for name in facts["headers"]),
            "w_rules": ", ".join(facts["rules"]),
            "w_severities": ", ".join(facts["severities"]),
            "w_labels": ", ".join(f"{name}={pattern}" for name, pattern in facts["labels"].items()),
            "w_group_by": ", ".join(facts["group_by"]),
            "w_wait": period_text(facts["group_wait_ns"]),
            "w_interval": period_text(facts["group_interval_ns"]),
            "w_repeat": period_text(facts["repeat_interval_ns"]),
            "w_most": str(facts["max_alerts"] or ""),
            "w_resolved": facts["send_resolved"],
            _STATE: (True, "Leave address, secret and the headers' texts empty to keep them as they are."),
        }
    )


def _more() -> None:
    rules, severities, labels, group_by = st.columns(4, gap="small")
    rules.text_input("Rules", key="w_rules", help="Names or patterns with commas between; empty: all")
    severities.text_input("Severities", key="w_severities", help="With commas between; empty: all")
    labels.text_input("Labels", key="w_labels", help="name=pattern, with commas between; all must match")
    group_by.text_input("One message per", key="w_group_by", help="Labels; ... : each alert alone; empty: all together")
    wait, interval, repeat, most = st.columns(4, gap="small", vertical_alignment="bottom")
    wait.text_input("Group wait", key="w_wait", help="How long the first message of a group waits for more alerts")
    interval.text_input("Group interval", key="w_interval", help="How often a group is looked at afterwards")
    repeat.text_input("Repeat interval", key="w_repeat", help="How often what still fires is told again")
    most.text_input("Alerts in one message", key="w_most", placeholder="all", help="More are counted in the message")
    st.toggle("Tell ends too", key="w_resolved")


def _keep() -> None:
    """Add or change the webhook; what can't be is said under the form, which stays as it was typed."""
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
        st.session_state[_STATE] = (False, f"{error.message} {error.hint}")
        return
    st.session_state.update({**_EMPTY, _STATE: (True, f"“{new.name}” is kept.")})


def _typed() -> Webhook:
    typed = {key: st.session_state.get(key, value) for key, value in _EMPTY.items()}
    return replace(
        _USUAL,
        name=typed["w_name"].strip(),
        url=typed["w_url"].strip(),
        headers=dict(_pair(line, ":", "Headers") for line in typed["w_headers"].splitlines() if line.strip()),
        secret=typed["w_secret"],
        rules=_words(typed["w_rules"]),
        severities=_words(typed["w_severities"]),
        labels=dict(_pair(part, "=", "Labels") for part in _words(typed["w_labels"])),
        group_by=_words(typed["w_group_by"]),
        group_wait_ns=checked_duration_ns("Group wait", typed["w_wait"]),
        group_interval_ns=checked_duration_ns("Group interval", typed["w_interval"]),
        repeat_interval_ns=checked_duration_ns("Repeat interval", typed["w_repeat"]),
        send_resolved=bool(typed["w_resolved"]),
        max_alerts=_most(typed["w_most"].strip()),
    )


def _most(text: str) -> int:
    """The limit of alerts in one message; 0: all."""
    if text and not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS):
        raise BadParameter(f"Alerts in one message: “{text[:60]}” is no whole number.", "Write 20, or nothing for all.")
    return int(text or 0)


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _pair(text: str, between: str, label: str) -> tuple[str, str]:
    """A name and its text; a line that is no pair is not repeated, since it may be a secret."""
    name, found, told = text.partition(between)
    if not found:
        raise BadParameter(f"{label}: a part has no “{between}”.", f"Write name{between} text.")
    return name.strip(), told.strip()

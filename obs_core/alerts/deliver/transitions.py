"""What a recorded transition means for delivery: whether it is sent, and as what."""

import json
from typing import Final
from urllib.parse import quote

from obs_core.alerts import ledger
from obs_core.alerts.deliver.grouping import GroupedAlert
from obs_core.alerts.deliver.payload import MessageAlert
from obs_core.alerts.ledger import AlertTransition

FIRING: Final = ledger.FIRING
ENDED: Final = frozenset({"resolved", "inactive", "pending"})


def is_notified(transition: AlertTransition) -> bool:
    """Whether webhooks are notified of `transition`: the alert starts to fire, or no longer does; never of history."""
    if transition.is_history:
        return False
    return transition.state_to in FIRING or (transition.state_to in ENDED and transition.state_from in FIRING)


def labels_of(transition: AlertTransition) -> dict[str, str]:
    """The labels of the alert, with its rule as `alertname` and its severity."""
    ours = {
        "alertname": transition.rule,
        **({"severity": transition.severity} if transition.severity else {}),
    }
    return {name: str(text) for name, text in sorted({**ours, **json.loads(transition.labels)}.items())}


def grouped_alert(transition_id: int, transition: AlertTransition) -> GroupedAlert:
    """The alert as its group stores it."""
    starts_ns = transition.timestamp_ns if transition.starts_ns is None else transition.starts_ns
    return GroupedAlert(transition_id, transition.state_to in FIRING, starts_ns, severity=transition.severity)


def message_alert(transition: AlertTransition, external_url: str) -> MessageAlert:
    """The alert as a message contains it."""
    firing = transition.state_to in FIRING
    annotations = {name: str(text) for name, text in json.loads(transition.annotations).items()}
    if transition.state_to in {"flapping", "no data"}:
        annotations.setdefault("state", transition.state_to)
    if transition.value is not None:
        annotations.setdefault("value", transition.value)
    ends_ns = transition.timestamp_ns if transition.ends_ns is None else transition.ends_ns
    return MessageAlert(
        "firing" if firing else "resolved",
        labels_of(transition),
        annotations,
        transition.timestamp_ns if transition.starts_ns is None else transition.starts_ns,
        None if firing else ends_ns,
        f"{external_url.rstrip('/')}/alerts?a_rule={quote(transition.rule, safe='')}",
        transition.fingerprint,
    )

"""The webhook message of Prometheus Alertmanager, version 4, so that receivers written for it work unchanged.

The fields are those of `webhook_config` in Alertmanager's configuration manual.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

from obs_core import clock
from obs_core.alerts import ledger

VERSION: Final = "4"
ZERO_TIME: Final = "0001-01-01T00:00:00Z"  # Go's zero time: the end of an alert that is still firing

Status = Literal["firing", "resolved"]


class MessageAlert(NamedTuple):
    """One alert in a message."""

    status: Status
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_ns: int
    ends_ns: int | None  # None: still firing
    generator_url: str = ""
    fingerprint: str = ""  # empty: that of the labels


class Envelope(NamedTuple):
    """The fields of a message around its alerts."""

    receiver: str
    group_key: str
    group_labels: Mapping[str, str]
    external_url: str


def message_body(envelope: Envelope, alerts: Sequence[MessageAlert], max_alerts: int = 0) -> bytes:
    """The body to post; of more than `max_alerts` (0: no limit) the first are listed and the others counted."""
    listed = alerts[:max_alerts] if max_alerts else alerts
    document = {
        "receiver": envelope.receiver,
        "status": "firing" if any(alert.status == "firing" for alert in listed) else "resolved",
        "alerts": [_alert(alert) for alert in listed],
        "groupLabels": dict(envelope.group_labels),
        "commonLabels": _common([alert.labels for alert in listed]),
        "commonAnnotations": _common([alert.annotations for alert in listed]),
        "externalURL": envelope.external_url,
        "version": VERSION,
        "groupKey": envelope.group_key,
        "truncatedAlerts": len(alerts) - len(listed),
    }
    # surrogates from damaged text are replaced: they are not valid UTF-8, and the message could never be sent
    return json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")


def group_key(matchers: Sequence[str], labels: Mapping[str, str]) -> str:
    """The key of a group, as Alertmanager writes it: the matchers of the route, then the labels of the group."""
    route = "{}/{" + ",".join(matchers) + "}" if matchers else "{}"
    return route + ":{" + ", ".join(f"{name}={quoted(text)}" for name, text in sorted(labels.items())) + "}"


def quoted(text: str) -> str:
    """`text` in double quotes, as in matchers."""
    return json.dumps(text, ensure_ascii=False)


def time_text(ns: int) -> str:
    """`ns` as RFC 3339 in UTC, without trailing zeros of the fraction, as Go writes it."""
    text = clock.iso_text(ns).removesuffix("Z")
    return (text.rstrip("0").rstrip(".") + "Z") if "." in text else ZERO_TIME


def _alert(alert: MessageAlert) -> dict[str, object]:
    return {
        "status": alert.status,
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "startsAt": time_text(alert.starts_ns),
        "endsAt": ZERO_TIME if alert.ends_ns is None else time_text(alert.ends_ns),
        "generatorURL": alert.generator_url,
        "fingerprint": alert.fingerprint or ledger.fingerprint(alert.labels),
    }


def _common(sets: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """The names with the same text in all `sets`, and that text."""
    first = sets[0] if sets else {}
    return {name: text for name, text in first.items() if all(labels.get(name) == text for labels in sets)}

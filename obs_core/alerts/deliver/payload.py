"""The webhook message of Prometheus Alertmanager, version 4, so that receivers written for it work with us.

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


class Alert(NamedTuple):
    """One alert as a message tells it."""

    status: Status
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_ns: int
    ends_ns: int | None  # None: still firing
    generator_url: str = ""
    fingerprint: str = ""  # empty: that of the labels


class Envelope(NamedTuple):
    """What a message says around its alerts."""

    receiver: str
    group_key: str
    group_labels: Mapping[str, str]
    external_url: str


def message(envelope: Envelope, alerts: Sequence[Alert], max_alerts: int = 0) -> bytes:
    """The body that is posted; of more than `max_alerts` (0: no limit) the first are told, the others counted."""
    told = alerts[:max_alerts] if max_alerts else alerts
    document = {
        "receiver": envelope.receiver,
        "status": "firing" if any(alert.status == "firing" for alert in told) else "resolved",
        "alerts": [_alert(alert) for alert in told],
        "groupLabels": dict(envelope.group_labels),
        "commonLabels": _common([alert.labels for alert in told]),
        "commonAnnotations": _common([alert.annotations for alert in told]),
        "externalURL": envelope.external_url,
        "version": VERSION,
        "groupKey": envelope.group_key,
        "truncatedAlerts": len(alerts) - len(told),
    }
    # surrogates from damaged text are no UTF-8; replaced here, since a message that can't be encoded would never leave
    return json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")


def group_key(matchers: Sequence[str], labels: Mapping[str, str]) -> str:
    """The name of a group, as Alertmanager writes it: the route's matchers, then the labels that all alerts share."""
    route = "{}/{" + ",".join(matchers) + "}" if matchers else "{}"
    return route + ":{" + ", ".join(f"{name}={quoted(text)}" for name, text in sorted(labels.items())) + "}"


def quoted(text: str) -> str:
    """`text` in double quotes, as in matchers."""
    return json.dumps(text, ensure_ascii=False)


def time_text(ns: int) -> str:
    """`ns` as RFC 3339 in UTC, without zeros at the end of the fraction, as Go writes it."""
    text = clock.iso_text(ns).removesuffix("Z")
    return (text.rstrip("0").rstrip(".") + "Z") if "." in text else ZERO_TIME


def _alert(alert: Alert) -> dict[str, object]:
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
    """The names that have the same text in all `sets`."""
    first = sets[0] if sets else {}
    return {name: text for name, text in first.items() if all(each.get(name) == text for each in sets)}

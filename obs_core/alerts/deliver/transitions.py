"""What a flip of the ledger means to whoever is told of it."""

import json
from typing import Final
from urllib.parse import quote

from obs_core.alerts.deliver.grouping import Member
from obs_core.alerts.deliver.payload import Alert
from obs_core.alerts.ledger import AlertTransition

FIRING: Final = frozenset({"firing", "flapping", "no data"})  # told as firing; flapping is told once, not per swing
ENDED: Final = frozenset({"resolved", "inactive", "ok", "pending"})


def is_told(flip: AlertTransition) -> bool:
    """Whether anyone is told of `flip`: that something fires, or that it no longer does."""
    return flip.state_to in FIRING or (flip.state_to in ENDED and flip.state_from in FIRING)


def labels_of(flip: AlertTransition) -> dict[str, str]:
    """The labels of a flip's alert, with its rule as `alertname` and its severity."""
    ours = {"alertname": flip.rule, **({"severity": flip.severity} if flip.severity else {})}
    return {name: str(text) for name, text in sorted({**ours, **json.loads(flip.labels)}.items())}


def member_of(flip_id: int, flip: AlertTransition) -> Member:
    """The flip's alert as its group remembers it."""
    starts = flip.moment_ns if flip.starts_ns is None else flip.starts_ns
    return Member(flip_id, flip.state_to in FIRING, starts, severity=flip.severity)


def alert_of(flip: AlertTransition, external_url: str) -> Alert:
    """The flip's alert as a message tells it."""
    firing = flip.state_to in FIRING
    annotations = {name: str(text) for name, text in json.loads(flip.annotations).items()}
    if flip.state_to in {"flapping", "no data"}:
        annotations.setdefault("state", flip.state_to)
    if flip.value is not None:
        annotations.setdefault("value", flip.value)
    ends = flip.moment_ns if flip.ends_ns is None else flip.ends_ns
    return Alert(
        "firing" if firing else "resolved",
        labels_of(flip),
        annotations,
        flip.moment_ns if flip.starts_ns is None else flip.starts_ns,
        None if firing else ends,
        f"{external_url.rstrip('/')}/alerts?a_rule={quote(flip.rule, safe='')}",
        flip.fingerprint,
    )

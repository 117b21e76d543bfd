"""A webhook: where its messages go, which alerts it is told, and how they are gathered into messages.

The words and defaults are Alertmanager's (`route` and `webhook_config`). The secret and the headers are write-only:
`shown` is all that a page, a command, a log or an export may say of a webhook.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final

from obs_core import clock
from obs_core.alerts.deliver import payload, url_policy
from obs_core.alerts.rules.model import is_pattern, named
from obs_core.errors import BadParameter

EVERY_LABEL: Final = "..."  # in group_by, as in Alertmanager: each alert is a group of its own
SIGNATURE_HEADER: Final = "X-Obs-Signature-256"
KEY_HEADER: Final = "Idempotency-Key"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)
_HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}", re.ASCII)
_HEADER_TEXT: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e\t]{0,4094}[\x21-\x7e])?|", re.ASCII)
_LABEL: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,127}", re.ASCII)
_OURS: Final = frozenset(
    {"host", "content-length", "content-type", "transfer-encoding", "connection", "upgrade", "te", "trailer"}
    | {SIGNATURE_HEADER.lower(), KEY_HEADER.lower()}
)
_MOST: Final = 32  # headers, rules, severities, labels of one webhook


@dataclass(frozen=True, slots=True)
class Webhook:
    """One webhook; durations are nanoseconds."""

    name: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    secret: str = field(default="", repr=False)
    rules: tuple[str, ...] = ()  # names or patterns with * and ?; none: all
    severities: tuple[str, ...] = ()  # none: all
    labels: Mapping[str, str] = field(default_factory=dict)  # each pattern must match the alert's label
    group_by: tuple[str, ...] = ("alertname",)
    group_wait_ns: int = 30 * clock.SECOND
    group_interval_ns: int = 5 * clock.MINUTE
    repeat_interval_ns: int = 4 * clock.HOUR
    send_resolved: bool = True
    max_alerts: int = 0  # in one message; 0: all


def checked(receiver: Webhook) -> Webhook:
    """`receiver`, if it can work.

    Raises:
        BadParameter: it can't, with what to write instead; secrets are not repeated.
    """
    if not _NAME.fullmatch(receiver.name):
        message = f"“{receiver.name[:60]}” is no name for a webhook."
        raise BadParameter(message, "Use up to 64 letters, digits, - and _.")
    url_policy.target(receiver.url)
    for name, text in receiver.headers.items():
        _check_header(name, text)
    for label in (*receiver.labels, *(each for each in receiver.group_by if each != EVERY_LABEL)):
        if not _LABEL.fullmatch(label):
            raise BadParameter(f"“{label[:60]}” is no name of a label.", "Labels are such as alertname, process, data.")
    lists = (receiver.headers, receiver.rules, receiver.severities, receiver.labels, receiver.group_by)
    if any(len(each) > _MOST for each in lists):
        raise BadParameter(f"A webhook takes at most {_MOST} of each.", "Use patterns such as feed*.")
    if receiver.group_wait_ns < 0 or receiver.group_interval_ns < clock.SECOND:
        raise BadParameter("The group interval is at least 1 s, the wait at least 0 s.", "Write 30s, 5m or 4h.")
    if receiver.repeat_interval_ns < receiver.group_interval_ns:
        message = "The repeat interval is shorter than the group interval."
        raise BadParameter(message, "Groups are looked at once per group interval; repeat at least as slowly.")
    if receiver.max_alerts < 0:
        raise BadParameter("The most alerts of one message can't be negative.", "0 means all.")
    return receiver


def matches(receiver: Webhook, labels: Mapping[str, str]) -> bool:
    """Whether `receiver` is told of an alert with these labels."""
    return (
        _one_of(receiver.rules, labels.get("alertname", ""))
        and _one_of(receiver.severities, labels.get("severity", ""))
        and all(named((pattern,), labels.get(name, "")) for name, pattern in receiver.labels.items())
    )


def group_labels(receiver: Webhook, labels: Mapping[str, str]) -> dict[str, str]:
    """The labels by which an alert finds its group."""
    if EVERY_LABEL in receiver.group_by:
        return dict(sorted(labels.items()))
    return {name: labels[name] for name in sorted(receiver.group_by) if name in labels}


def matchers(receiver: Webhook) -> list[str]:
    """What `receiver` asks of alerts, as Alertmanager writes matchers."""
    asked = [("alertname", receiver.rules), ("severity", receiver.severities)]
    asked += [(name, (pattern,)) for name, pattern in sorted(receiver.labels.items())]
    return [_matcher(name, patterns) for name, patterns in asked if patterns]


def public_view(receiver: Webhook) -> dict[str, Any]:
    """What may be seen of `receiver`: no secret, no header's text, no tokens of its address."""
    facts = asdict(receiver)
    facts["url"] = url_policy.masked_url(receiver.url)
    facts["headers"] = dict.fromkeys(receiver.headers, "…")
    facts["secret"] = "…" if receiver.secret else ""
    return facts


def to_json(receiver: Webhook) -> str:
    """`receiver` with its secrets, for the one file that keeps them."""
    return json.dumps(asdict(receiver))


def from_json(text: str) -> Webhook:
    """The webhook that `to_json` wrote; fields of later versions are left out."""
    known = {each.name for each in fields(Webhook)}
    facts = {name: value for name, value in json.loads(text).items() if name in known}
    lists = {name: tuple(value) for name, value in facts.items() if isinstance(value, list)}
    return Webhook(**{**facts, **lists})


def _check_header(name: str, text: str) -> None:
    if not _HEADER.fullmatch(name) or name.lower() in _OURS:
        message = f"The header “{name[:60]}” can't be set."
        raise BadParameter(message, "Headers are such as Authorization or X-Api-Key; some are set by the sender alone.")
    if not _HEADER_TEXT.fullmatch(text):
        message = f"The header {name} holds characters that a header can't carry."
        raise BadParameter(message, "Use printable ASCII without line breaks, up to 4,096 characters.")


def _one_of(patterns: Sequence[str], text: str) -> bool:
    return not patterns or named(tuple(patterns), text)


def _matcher(name: str, patterns: Sequence[str]) -> str:
    if len(patterns) == 1 and not is_pattern(patterns[0]):
        return f"{name}={payload.quoted(patterns[0])}"
    expression = "|".join(re.escape(each).replace(r"\*", ".*").replace(r"\?", ".") for each in patterns)
    return f"{name}=~{payload.quoted(expression)}"

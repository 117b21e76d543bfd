"""A webhook: the URL of its messages, which alerts it gets, and how they are grouped into messages.

The terms and defaults are Alertmanager's (`route` and `webhook_config`). The secret and the headers are write-only:
pages, commands, logs and exports show a webhook only by `public_view`.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final

from obs_core import clock
from obs_core.alerts.deliver import payload, url_policy
from obs_core.alerts.rules.model import is_pattern, matches_any
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
_LIMIT: Final = 32  # headers, rules, severities, labels of one webhook


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


def checked(webhook: Webhook) -> Webhook:
    """Return `webhook` if it is valid.

    Raises:
        BadParameter: it is not, with what to write instead; secrets are not repeated.
    """
    if not _NAME.fullmatch(webhook.name):
        message = f"“{webhook.name[:60]}” is not a valid name for a webhook."
        raise BadParameter(message, "Use up to 64 letters, digits, - and _.")
    url_policy.parse_url(webhook.url)
    for name, text in webhook.headers.items():
        _check_header(name, text)
    for label in (*webhook.labels, *(name for name in webhook.group_by if name != EVERY_LABEL)):
        if not _LABEL.fullmatch(label):
            raise BadParameter(f"“{label[:60]}” is not a valid label name.", "Labels are alertname, process, data …")
    lists = (webhook.headers, webhook.rules, webhook.severities, webhook.labels, webhook.group_by)
    if any(len(values) > _LIMIT for values in lists):
        raise BadParameter(f"A webhook takes at most {_LIMIT} of each kind.", "Use patterns like feed*.")
    if webhook.group_wait_ns < 0 or webhook.group_interval_ns < clock.SECOND:
        raise BadParameter("The group interval is at least 1 s, the wait at least 0 s.", "Write 30s, 5m or 4h.")
    if webhook.repeat_interval_ns < webhook.group_interval_ns:
        message = "The repeat interval is shorter than the group interval."
        raise BadParameter(message, "Groups are flushed once per group interval, so it can't be shorter.")
    if webhook.max_alerts < 0:
        raise BadParameter("The maximum of alerts per message can't be negative.", "0 means all.")
    return webhook


def matches(webhook: Webhook, labels: Mapping[str, str]) -> bool:
    """Whether `webhook` gets alerts with these labels."""
    return (
        _matches_any(webhook.rules, labels.get("alertname", ""))
        and _matches_any(webhook.severities, labels.get("severity", ""))
        and all(matches_any((pattern,), labels.get(name, "")) for name, pattern in webhook.labels.items())
    )


def group_labels(webhook: Webhook, labels: Mapping[str, str]) -> dict[str, str]:
    """The labels of the group of an alert with these labels."""
    if EVERY_LABEL in webhook.group_by:
        return dict(sorted(labels.items()))
    return {name: labels[name] for name in sorted(webhook.group_by) if name in labels}


def matchers(webhook: Webhook) -> list[str]:
    """The conditions of `webhook` on alerts, as Alertmanager writes matchers."""
    conditions = [("alertname", webhook.rules), ("severity", webhook.severities)]
    conditions += [(name, (pattern,)) for name, pattern in sorted(webhook.labels.items())]
    return [_matcher(name, patterns) for name, patterns in conditions if patterns]


def public_view(webhook: Webhook) -> dict[str, Any]:
    """The fields of `webhook` without its secret, the texts of headers, and tokens in its URL."""
    view = asdict(webhook)
    view["url"] = url_policy.masked_url(webhook.url)
    view["headers"] = dict.fromkeys(webhook.headers, "…")
    view["secret"] = "…" if webhook.secret else ""
    return view


def to_json(webhook: Webhook) -> str:
    """`webhook` with its secrets, as the ledger stores it."""
    return json.dumps(asdict(webhook))


def from_json(text: str) -> Webhook:
    """The webhook that `to_json` wrote; fields of later versions are ignored.

    Raises:
        BadParameter: something else wrote it.
    """
    known = {webhook_field.name for webhook_field in fields(Webhook)}
    try:
        values = {name: value for name, value in json.loads(text).items() if name in known}
        lists = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
        return Webhook(**{**values, **lists})
    except (AttributeError, TypeError, ValueError):
        raise BadParameter("its settings can't be read", "Remove the webhook, and add it again.") from None


def _check_header(name: str, text: str) -> None:
    if not _HEADER.fullmatch(name) or name.lower() in _OURS:
        message = f"The header “{name[:60]}” can't be set."
        raise BadParameter(message, "Use headers like Authorization or X-Api-Key; some are reserved for the sender.")
    if not _HEADER_TEXT.fullmatch(text):
        message = f"The header {name} contains characters that are not allowed in a header."
        raise BadParameter(message, "Use printable ASCII without line breaks, up to 4,096 characters.")


def _matches_any(patterns: Sequence[str], text: str) -> bool:
    return not patterns or matches_any(tuple(patterns), text)


def _matcher(name: str, patterns: Sequence[str]) -> str:
    if len(patterns) == 1 and not is_pattern(patterns[0]):
        return f"{name}={payload.quoted(patterns[0])}"
    expression = "|".join(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".") for pattern in patterns)
    return f"{name}=~{payload.quoted(expression)}"

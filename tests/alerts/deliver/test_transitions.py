"""Which transitions are sent, and as what."""

import pytest

from obs_core.alerts import ledger
from obs_core.alerts.deliver.transitions import is_notified, labels_of, message_alert
from obs_core.alerts.ledger import AlertTransition

TRANSITION = AlertTransition(
    "stuck", '{"process":"feed"}', "pending", "firing", 7, "1.5", '{"summary":"s"}', "critical", "f00", 5, None
)


@pytest.mark.parametrize(
    ("before", "to", "status"),
    [
        ("inactive", "pending", None),
        ("pending", "inactive", None),
        ("resolved", "inactive", None),
        ("inactive", "firing", "firing"),
        ("pending", "firing", "firing"),
        ("resolved", "firing", "firing"),
        ("inactive", "no data", "firing"),
        ("firing", "no data", "firing"),
        ("firing", "resolved", "resolved"),
        ("no data", "resolved", "resolved"),
        ("no data", "pending", "resolved"),
        ("firing", "inactive", "resolved"),
    ],
)
def test_starts_and_ends_are_sent_and_nothing_in_between(before: str, to: str, status: str | None) -> None:
    transition = TRANSITION._replace(state_from=before, state_to=to)
    assert is_notified(transition) is (status is not None)
    if status:
        assert message_alert(transition, "http://dash").status == status


def test_an_alert_is_sent_with_its_rule_severity_value_and_link() -> None:
    alert = message_alert(TRANSITION._replace(rule="a/b c"), "http://dash/")
    assert alert.labels == {"alertname": "a/b c", "severity": "critical", "process": "feed"}
    assert alert.annotations == {"summary": "s", "value": "1.5"}
    assert alert.generator_url == "http://dash/alerts?a_rule=a%2Fb%20c"
    assert (alert.starts_ns, alert.ends_ns, alert.fingerprint) == (5, None, "f00")


def test_an_end_without_its_own_time_is_when_the_state_changed() -> None:
    ended = message_alert(TRANSITION._replace(state_from="firing", state_to="resolved", starts_ns=None), "")
    assert (ended.starts_ns, ended.ends_ns) == (7, 7)
    assert message_alert(TRANSITION._replace(state_to="no data"), "").annotations["state"] == "no data"


def test_labels_of_the_rule_take_precedence_over_ours() -> None:
    transition = TRANSITION._replace(labels=ledger.text_of({"severity": "page", "alertname": "x"}))
    assert labels_of(transition) == {"alertname": "x", "severity": "page"}
    assert "severity" not in labels_of(TRANSITION._replace(severity=""))

"""The message: held against payloads that Alertmanager really sent, and against the vectors of prometheus/common."""

import copy
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import ValidationError

from obs_core.alerts.deliver.payload import Envelope, MessageAlert, group_key, message_body, time_text
from obs_core.alerts.deliver.transitions import message_alert
from obs_core.alerts.ledger import AlertTransition, fingerprint, text_of
from tests.support import alertmanager

# prometheus/common model/signature_test.go
VECTORS: list[tuple[dict[str, str], int]] = [
    ({}, 14695981039346656037),
    ({"name": "garland, briggs", "fear": "love is not enough"}, 5799056148416392346),
    ({"first-label": "first-label-value"}, 5146282821936882169),
    ({"first-label": "first-label-value", "second-label": "second-label-value"}, 3195800080984914717),
    (
        {
            "first-label": "first-label-value",
            "second-label": "second-label-value",
            "third-label": "third-label-value",
        },
        13843036195897128121,
    ),
]

# a message that an Alertmanager sent, as its receiver recorded it
RECORDED: dict[str, Any] = json.loads("""{
  "receiver": "webhook_receiver", "status": "firing",
  "alerts": [{
    "status": "firing",
    "labels": {"alertname": "HighValue", "instance": "api:8000", "job": "api", "severity": "high"},
    "annotations": {"summary": "poc_metric above 0.5"},
    "startsAt": "2022-10-04T13:32:56.014Z", "endsAt": "0001-01-01T00:00:00Z",
    "generatorURL": "http://9ef78e326c1f:9090/graph?g0.expr=poc_metric+%3E+0.5&g0.tab=1",
    "fingerprint": "948c667b1fc76492"}],
  "groupLabels": {},
  "commonLabels": {"alertname": "HighValue", "instance": "api:8000", "job": "api", "severity": "high"},
  "commonAnnotations": {"summary": "poc_metric above 0.5"},
  "externalURL": "http://601cad658ee0:9093", "version": "4", "groupKey": "{}:{}", "truncatedAlerts": 0}""")

START = 1_664_890_376_014_000_000  # 2022-10-04T13:32:56.014Z
LINK = "http://dash:8501/alerts?a_rule=stale"


def alert(name: str = "Stale", *, ends_ns: int | None = None, **labels: str) -> MessageAlert:
    status = "firing" if ends_ns is None else "resolved"
    return MessageAlert(status, {"alertname": name, **labels}, {"summary": "equal for long"}, START, ends_ns, LINK)  # type: ignore[arg-type]


@pytest.mark.parametrize(("labels", "code"), VECTORS)
def test_fingerprints_are_those_of_prometheus(labels: dict[str, str], code: int) -> None:
    assert fingerprint(labels) == f"{code:016x}"


def test_a_message_that_alertmanager_sent_is_made_again_field_by_field() -> None:
    recorded = RECORDED["alerts"][0]
    body = message_body(
        Envelope("webhook_receiver", group_key((), {}), {}, "http://601cad658ee0:9093"),
        [MessageAlert("firing", recorded["labels"], recorded["annotations"], START, None, recorded["generatorURL"])],
    )
    assert alertmanager.message(body) == RECORDED


def test_group_keys_are_written_as_alertmanager_writes_them() -> None:
    assert group_key((), {"alertname": "WhatEver"}) == '{}:{alertname="WhatEver"}'
    labels = {"priority": "P0", "alertname": "Instance Is Down"}
    assert group_key(['priority="P0"'], labels) == '{}/{priority="P0"}:{alertname="Instance Is Down", priority="P0"}'


def test_a_group_fires_as_long_as_one_of_its_alerts_does() -> None:
    envelope = Envelope("ops", "{}:{}", {}, "http://dash:8501")
    both = alertmanager.message(message_body(envelope, [alert(ends_ns=START + 1), alert("Other")]))
    assert both["status"] == "firing"
    assert [element["status"] for element in both["alerts"]] == ["resolved", "firing"]
    assert alertmanager.message(message_body(envelope, [alert(ends_ns=START + 1)]))["status"] == "resolved"


def test_common_labels_are_those_that_all_listed_alerts_share() -> None:
    alerts = [alert(process="a", host="x"), alert(process="b", host="x"), alert(process="c")]
    document = alertmanager.message(
        message_body(Envelope("ops", "{}:{}", {}, "http://dash:8501"), alerts, max_alerts=2)
    )
    assert document["commonLabels"] == {"alertname": "Stale", "host": "x"}
    assert document["commonAnnotations"] == {"summary": "equal for long"}
    assert document["truncatedAlerts"] == 1
    assert len(document["alerts"]) == 2


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (START, "2022-10-04T13:32:56.014Z"),
        (1_767_225_600_000_000_000, "2026-01-01T00:00:00Z"),
        (1_767_225_600_000_000_001, "2026-01-01T00:00:00.000000001Z"),
        (1_767_225_610_000_000_000, "2026-01-01T00:00:10Z"),
        (0, "1970-01-01T00:00:00Z"),
    ],
)
def test_times_are_rfc_3339_in_utc_as_go_writes_them(ns: int, text: str) -> None:
    assert time_text(ns) == text


def test_damaged_text_and_other_scripts_leave_as_valid_utf_8_json() -> None:
    document = alertmanager.message(
        message_body(
            Envelope("ops", "{}:{}", {}, "http://dash:8501"),
            [alert(process="Zähler 値")._replace(annotations={"summary": "\ud800"})],
        )
    )
    assert document["alerts"][0]["labels"]["process"] == "Zähler 値"
    assert document["alerts"][0]["annotations"] == {"summary": "?"}
    assert len(document["alerts"][0]["fingerprint"]) == 16


TEXTS = st.dictionaries(st.text(), st.text(), max_size=5)
HOSTILE = st.sampled_from(
    ['"}],"status":"ok', "</script>", "\x00\x7f", "\u202e", "=cmd|' /C'!A0", "{{ $value }}", "é" * 3_000]
)


@given(TEXTS, TEXTS, st.text(min_size=1) | HOSTILE, HOSTILE, st.sampled_from(["firing", "flapping", "no data"]))
def test_whatever_alerts_are_called_and_say_their_message_is_one_of_alertmanagers(
    labels: dict[str, str], notes: dict[str, str], rule: str, hostile: str, state: str
) -> None:
    named = {**labels, "alertname": rule, "process": hostile}
    fields = (text_of(named), "inactive", state, START, hostile, text_of(notes | {"summary": hostile}), "warning")
    fires = AlertTransition(rule, *fields, fingerprint(named), START, None)
    ended = fires._replace(state_from=state, state_to="resolved", ends_ns=START + 1)
    alerts = [message_alert(transition, "https://dash.example.com") for transition in (fires, ended)]
    key = group_key([], named)
    message = alertmanager.message(message_body(Envelope("ops", key, named, "https://dash.example.com"), alerts))
    assert message["groupKey"] == key
    assert [element["status"] for element in message["alerts"]] == ["firing", "resolved"]
    assert message["commonLabels"] == message["alerts"][0]["labels"] == {"severity": "warning", **named}
    assert message["alerts"][0]["annotations"]["summary"] == hostile


BREAKS: list[tuple[str, Mapping[str, Any]]] = [
    ("'groupKey' is a required property", {"groupKey": None}),
    ("'extra' was unexpected", {"extra": "1"}),
    ("'4' was expected", {"version": 4}),
    ("is not one of", {"status": "suppressed"}),
    ("less than the minimum", {"truncatedAlerts": -1}),
    ("is not of type 'string'", {"commonLabels": {"threshold": 5}}),
    ("should be non-empty", {"alerts": []}),
    ("is not a 'date-time'", {"startsAt": "2022-10-04 13:32"}),
    ("is a required property", {"endsAt": None}),
    ("was expected", {"endsAt": "2022-10-04T13:33:00Z"}),
    ("is not a 'uri'", {"generatorURL": "/alerts?a_rule=stale price"}),
    ("does not match", {"fingerprint": "948C667B1FC76492"}),
    ("is a required property", {"labels": {}}),
    ("is not of type 'string'", {"annotations": {"summary": None}}),
]


@pytest.mark.parametrize(("why", "broken"), BREAKS)
def test_a_message_that_is_broken_is_refused_by_the_schema(why: str, broken: Mapping[str, Any]) -> None:
    document = copy.deepcopy(RECORDED)
    assert alertmanager.message(json.dumps(document).encode()) == RECORDED
    of_alert = next(iter(broken)) in document["alerts"][0] and "status" not in broken
    node: dict[str, Any] = document["alerts"][0] if of_alert else document
    node.update(broken)
    for name in [name for name, value in broken.items() if value is None]:
        del node[name]
    with pytest.raises(ValidationError, match=why):
        alertmanager.message(json.dumps(document).encode())

"""The message: held against payloads that Alertmanager really sent, and against the vectors of prometheus/common."""

import json
from typing import Any

import pytest

from obs_core.alerts.deliver.payload import Alert, Envelope, group_key, message, time_text
from obs_core.alerts.ledger import fingerprint

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


def alert(name: str = "Stale", *, ends_ns: int | None = None, **labels: str) -> Alert:
    status = "firing" if ends_ns is None else "resolved"
    return Alert(status, {"alertname": name, **labels}, {"summary": "equal for long"}, START, ends_ns)  # type: ignore[arg-type]


def read(body: bytes) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(body)
    return document


@pytest.mark.parametrize(("labels", "code"), VECTORS)
def test_fingerprints_are_those_of_prometheus(labels: dict[str, str], code: int) -> None:
    assert fingerprint(labels) == f"{code:016x}"


def test_a_message_that_alertmanager_sent_is_made_again_field_by_field() -> None:
    told = RECORDED["alerts"][0]
    body = message(
        Envelope("webhook_receiver", group_key((), {}), {}, "http://601cad658ee0:9093"),
        [Alert("firing", told["labels"], told["annotations"], START, None, told["generatorURL"])],
    )
    assert read(body) == RECORDED


def test_group_keys_are_written_as_alertmanager_writes_them() -> None:
    assert group_key((), {"alertname": "WhatEver"}) == '{}:{alertname="WhatEver"}'
    labels = {"priority": "P0", "alertname": "Instance Is Down"}
    assert group_key(['priority="P0"'], labels) == '{}/{priority="P0"}:{alertname="Instance Is Down", priority="P0"}'


def test_a_group_fires_as_long_as_one_of_its_alerts_does() -> None:
    envelope = Envelope("ops", "{}:{}", {}, "")
    both = read(message(envelope, [alert(ends_ns=START + 1), alert("Other")]))
    assert both["status"] == "firing"
    assert [each["status"] for each in both["alerts"]] == ["resolved", "firing"]
    assert read(message(envelope, [alert(ends_ns=START + 1)]))["status"] == "resolved"


def test_common_labels_are_those_that_all_told_alerts_share() -> None:
    alerts = [alert(process="a", host="x"), alert(process="b", host="x"), alert(process="c")]
    document = read(message(Envelope("ops", "{}:{}", {}, ""), alerts, max_alerts=2))
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
    document = read(
        message(
            Envelope("ops", "{}:{}", {}, ""), [alert(process="Zähler 値")._replace(annotations={"summary": "\ud800"})]
        )
    )
    assert document["alerts"][0]["labels"]["process"] == "Zähler 値"
    assert document["alerts"][0]["annotations"] == {"summary": "?"}
    assert len(document["alerts"][0]["fingerprint"]) == 16

"""The ledger: flips are created once, alerts stand as last told."""

from contextlib import closing
from pathlib import Path

from obs_core.alerts import ledger
from obs_core.alerts.ledger import AlertRow, AlertTransition, EvaluatedRange

LABELS = ledger.text_of({"process": "feed", "alertname": "stuck"})
FLIP = AlertTransition("stuck", LABELS, "inactive", "firing", 7, "1.5", "{}", "warning", "f", 7, None)
STANDING = AlertRow("stuck", LABELS, "f", "warning", "firing", 7, "1.5", "{}", "{}")


def test_a_flip_is_created_once_however_often_it_is_recorded(tmp_path: Path) -> None:
    with closing(ledger.open_ledger(tmp_path / "t.db")) as book:
        ledger.record(book, [FLIP, FLIP], [STANDING])
        ledger.record(book, [FLIP], [STANDING._replace(state="resolved")])
        assert ledger.transitions(book) == [(1, FLIP)]
        assert [each.state for each in ledger.alert_rows(book)] == ["resolved"]
    with closing(ledger.open_ledger(tmp_path / "t.db")) as book:
        assert ledger.transitions(book, after=1) == ledger.transitions(book, rule="other") == []


def test_labels_are_kept_in_sorted_order() -> None:
    assert LABELS == '{"alertname":"stuck","process":"feed"}'


def test_fingerprints_are_those_of_prometheus() -> None:
    # prometheus/common model/signature_test.go: TestLabelsToSignature
    assert ledger.fingerprint({}) == f"{14695981039346656037:016x}"
    assert (
        ledger.fingerprint({"name": "garland, briggs", "fear": "love is not enough"}) == f"{5799056148416392346:016x}"
    )


def test_what_a_rule_was_judged_by_met_and_snoozed_is_remembered(tmp_path: Path) -> None:
    with closing(ledger.open_ledger(tmp_path / "t.db")) as book:
        ledger.mark_evaluated(book, {"stuck": EvaluatedRange("c", 5, 6)})
        ledger.mark_seen(book, [("new", "ValueError"), ("new", "ValueError")])
        ledger.snooze(book, "stuck", 99)
        assert ledger.evaluated_ranges(book) == {"stuck": EvaluatedRange("c", 5, 6)}
        assert ledger.seen_exceptions(book) == {"new": {"ValueError"}}
        assert ledger.snoozes(book) == {"stuck": 99}
        ledger.record(book, [FLIP], [STANDING])
        ledger.forget(book, "stuck")
        assert ledger.evaluated_ranges(book) == {}
        assert ledger.alert_rows(book) == []
        assert len(ledger.transitions(book)) == 1

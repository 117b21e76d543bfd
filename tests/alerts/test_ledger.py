"""The ledger: transitions are created once, alerts have their latest state, and older files are migrated."""

import json
from contextlib import closing
from pathlib import Path

from obs_core.alerts import ledger
from obs_core.alerts.deliver import group_store, webhook_store
from obs_core.alerts.deliver.grouping import Group, GroupedAlert
from obs_core.alerts.deliver.webhook import Webhook, to_json
from obs_core.alerts.ledger import AlertRow, AlertTransition, EvaluatedRange
from obs_core.store import migrations, sqlite

LABELS = ledger.text_of({"process": "feed", "alertname": "stuck"})
TRANSITION = AlertTransition("stuck", LABELS, "inactive", "firing", 7, "1.5", "{}", "warning", "f", 7, None)
ROW = AlertRow("stuck", LABELS, "f", "warning", "firing", 7, "1.5", "{}", "{}")
WEBHOOK = Webhook("ops", "http://127.0.0.1:9/")
GROUP = Group(
    "ops",
    LABELS,
    "{}:{}",
    {"f": GroupedAlert(1, firing=True, starts_ns=7, severity="warning")},
    next_ns=40,
    flushed=True,
    sent_ns=30,
    sent_firing=frozenset({"f:warning"}),
    sent_resolved=frozenset({"g:warning"}),
    unconfirmed_firing=frozenset({"h:"}),
    attempts=2,
    first_attempt_ns=31,
)
OLD_STATE = {
    "members": {"f": [1, True, 7, False, "warning"]},
    "next_ns": 40,
    "flushed": True,
    "told_ns": 30,
    "told_firing": ["f:warning"],
    "told_resolved": ["g:warning"],
    "tried_firing": ["h:"],
}


def test_a_transition_is_created_once_however_often_it_is_recorded(tmp_path: Path) -> None:
    with closing(ledger.open_ledger(tmp_path / "t.db")) as connection:
        ledger.record(connection, [TRANSITION, TRANSITION], [ROW])
        ledger.record(connection, [TRANSITION], [ROW._replace(state="resolved")])
        assert ledger.transitions(connection) == [(1, TRANSITION)]
        assert [row.state for row in ledger.alert_rows(connection)] == ["resolved"]
    with closing(ledger.open_ledger(tmp_path / "t.db")) as connection:
        assert ledger.transitions(connection, after=1) == ledger.transitions(connection, rule="other") == []


def test_labels_are_stored_in_sorted_order() -> None:
    assert LABELS == '{"alertname":"stuck","process":"feed"}'


def test_fingerprints_are_those_of_prometheus() -> None:
    # prometheus/common model/signature_test.go: TestLabelsToSignature
    assert ledger.fingerprint({}) == f"{14695981039346656037:016x}"
    assert (
        ledger.fingerprint({"name": "garland, briggs", "fear": "love is not enough"}) == f"{5799056148416392346:016x}"
    )


def test_progress_seen_exceptions_and_snoozes_are_stored(tmp_path: Path) -> None:
    with closing(ledger.open_ledger(tmp_path / "t.db")) as connection:
        ledger.mark_evaluated(connection, {"stuck": EvaluatedRange("c", 5, 6)})
        ledger.mark_seen(connection, [("new", "ValueError"), ("new", "ValueError")])
        ledger.snooze(connection, "stuck", 99)
        assert ledger.evaluated_ranges(connection) == {"stuck": EvaluatedRange("c", 5, 6)}
        assert ledger.seen_exceptions(connection) == {"new": {"ValueError"}}
        assert ledger.snoozes(connection) == {"stuck": 99}
        ledger.restart_evaluation(connection)
        assert ledger.evaluated_ranges(connection) == {"stuck": EvaluatedRange("c", 0, 6)}
        ledger.record(connection, [TRANSITION], [ROW])
        ledger.forget(connection, "stuck")
        assert ledger.evaluated_ranges(connection) == {}
        assert ledger.alert_rows(connection) == []
        assert len(ledger.transitions(connection)) == 1


def write_version_3(log: Path) -> None:
    """A ledger with a row in every table, as it was before its tables and columns were renamed."""
    with closing(sqlite.connect(ledger.path_of(log), write=True, create=True)) as connection:
        migrations.apply_migrations(connection, migrations.load_migrations("obs_core.alerts")[:3])
        connection.execute("INSERT INTO rule VALUES ('stuck', '{}', 1)")
        connection.execute("INSERT INTO snooze VALUES ('stuck', 99)")
        connection.execute("INSERT INTO judged VALUES ('stuck', 'c', 5, 6)")
        connection.execute(f"INSERT INTO alert VALUES ({', '.join('?' * len(ROW))})", ROW)
        connection.execute(f"INSERT INTO flip VALUES (1, {', '.join('?' * 12)})", TRANSITION[:12])
        connection.execute("INSERT INTO met VALUES ('new', 'ValueError')")
        connection.execute("INSERT INTO delivery VALUES (1, 1, 'ops', '{}:{}', 'queued', 2, 40, NULL, 503, 'why')")
        connection.execute("INSERT INTO webhook VALUES ('ops', ?, 3, 1)", (to_json(WEBHOOK),))
        connection.execute(
            "INSERT INTO delivery_group VALUES ('ops', ?, '{}:{}', ?, 40, 2, 31)", (LABELS, json.dumps(OLD_STATE))
        )


def test_a_ledger_of_version_3_keeps_all_its_data(tmp_path: Path) -> None:
    write_version_3(tmp_path / "t.db")
    with closing(ledger.open_ledger(tmp_path / "t.db")) as connection:
        assert migrations.version(connection) == 6
        assert connection.execute("SELECT * FROM rule").fetchall() == [("stuck", "{}", 1)]
        assert ledger.snoozes(connection) == {"stuck": 99}
        assert ledger.evaluated_ranges(connection) == {"stuck": EvaluatedRange("c", 5, 6)}
        assert ledger.alert_rows(connection) == [ROW]
        assert ledger.transitions(connection) == [(1, TRANSITION)]
        assert ledger.seen_exceptions(connection) == {"new": {"ValueError"}}
        assert connection.execute("SELECT name, created_ns, last_transition_id FROM webhook").fetchall() == [
            ("ops", 3, 1)
        ]
        assert webhook_store.listed(connection) == [WEBHOOK]
        [delivery] = webhook_store.deliveries(connection)
        assert delivery == (
            *(1, "ops", "queued", "why", 2, 503, 40, None),
            *("stuck", LABELS, "inactive", "firing", 7, "{}:{}"),
        )
        [group] = group_store.of_webhook(connection, "ops").values()
        assert group == GROUP
        group_store.store(connection, group)
        assert group_store.of_webhook(connection, "ops") == {LABELS: GROUP}
        ledger.record(connection, [TRANSITION], [])
        assert len(ledger.transitions(connection)) == 1


def test_a_migrated_ledger_has_the_schema_of_a_new_one(tmp_path: Path) -> None:
    def columns(log: Path) -> dict[str, list[str]]:
        with closing(ledger.open_ledger(log)) as connection:
            tables = connection.execute("SELECT type, name FROM sqlite_schema ORDER BY name").fetchall()
            return {name: connection.execute(f"PRAGMA table_info({name})").fetchall() for kind, name in tables if kind}

    write_version_3(tmp_path / "old.db")
    assert columns(tmp_path / "old.db") == columns(tmp_path / "new.db")

"""What alert rules, the forwarder and the shared lake still need of a log: rows that retention must not delete."""

from contextlib import closing
from pathlib import Path
from typing import Final

from obs_core.alerts import ledger
from obs_core.alerts.evaluate.alert_set import AlertSet
from obs_core.alerts.evaluate.evaluator import Evaluator
from obs_core.alerts.rules import sources
from obs_core.errors import ObsError
from obs_core.forward import needed as forwarding
from obs_core.lake import address, progress
from obs_core.series import snapshot
from obs_core.settings import Settings, from_environment
from obs_core.store import sqlite

EVERYTHING: Final = forwarding.EVERYTHING


def needed_id(log: Path) -> int:
    """The id up to which neither a rule nor the forwarder needs the log's rows, and the shared lake has them.

    Raises:
        ObsError: the rules or the log can't be read.
    """
    settings = from_environment()
    return min(needed_by_rules(log), forwarding.needed_id(log, settings), _written_id(log, settings))


def _written_id(log: Path, settings: Settings) -> int:
    """The id up to which the rows are in the shared lake, if there is one."""
    try:
        store = address.of_setting(settings.store)
    except ObsError:
        return 0  # it is to be written, but where to can't be read
    return EVERYTHING if store is None else progress.until_id(log, store.shown)


def needed_by_rules(log: Path) -> int:
    """The id up to which no rule needs the log's rows.

    Rules need the rows that they have not evaluated, those of their windows, and those after the saved streaks.

    Raises:
        ObsError: the rules or the log can't be read.
    """
    if not ledger.path_of(log).exists():
        return EVERYTHING if not sources.from_file(sources.path_of(log)) else 0
    with closing(sqlite.connect(ledger.path_of(log))) as alerts:
        rules = sources.rules(log, alerts)
        ranges = ledger.evaluated_ranges(alerts)
    if not rules:
        return EVERYTHING
    evaluated = [ranges[rule.name] for rule in rules if rule.name in ranges]
    if len(evaluated) < len(rules):
        return 0
    up_to_id: int = min(rule.up_to_id for rule in evaluated)
    reach_ns = Evaluator(rules, (), AlertSet(rules)).reach_ns
    start_ns = min(rule.evaluated_ns for rule in evaluated) - reach_ns
    with closing(sqlite.connect(log)) as connection:
        first = connection.execute("SELECT min(id) FROM data_trace WHERE timestamp >= ?", (start_ns,)).fetchone()[0]
    in_window = EVERYTHING if first is None or not reach_ns else int(first) - 1
    saved = _saved_id(log)
    return min(up_to_id, in_window, EVERYTHING if saved is None else saved)


def _saved_id(log: Path) -> int | None:
    """The id up to which the saved streaks were followed; None: there are none, the log is read from its start."""
    try:
        with closing(sqlite.connect(snapshot.path_of(log))) as connection:
            row = connection.execute("SELECT id FROM followed").fetchone()
    except (ObsError, sqlite.Error):
        return None
    return None if row is None else int(row[0])

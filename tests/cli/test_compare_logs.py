"""`compare-logs`: the old way and the new way have the same rows, for every recorded fixture and filter."""

import json
from contextlib import suppress
from pathlib import Path

import pytest

from obs_core.cli.main import main
from obs_core.clock import Window
from obs_core.errors import BadParameter, ObsError
from obs_core.ingest.files import import_file
from obs_core.model import Row
from obs_core.query import export
from obs_core.query.comparison import differences as comparison
from obs_core.query.comparison.old_logs import OldFilter, rows
from obs_core.query.engine.engine import Engine
from obs_core.store import log as store
from tests.support import data, table
from tests.support.table import START_NS

TEXTS = (None, "get", "GET /", "Ü", "ﬁ", "100%", "_", "'", "no row has this text")


@pytest.fixture(scope="module")
def fixtures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log with every recorded trace file that can be imported, and with odd texts."""
    path = tmp_path_factory.mktemp("compare") / "trace.db"
    connection = store.open_log(path)
    for file in sorted(data.DATA.glob("traces/**/*.gz")):
        if not {"ref", "otlp_pb"} & {*file.parts} and file.name not in ("spans.csv.gz", "jaeger.json.gz"):  # once each
            with suppress(ObsError):  # vectors of other tests are no trace files
                import_file(connection, file, now=0)
    odd = ("Über GET", "ÜBER", "ﬁne", "K", "100%", "a_b", "it's", "x\0get", "long " * 20_000, "")
    store.append(
        connection,
        [
            Row("value", "odd", "v", START_NS + number // 3, data_value=text, exception=text if number % 2 else None)
            for number, text in enumerate(odd)
        ],
    )
    connection.close()
    return path


def test_there_is_no_difference_for_any_fixture_and_filter(fixtures: Path) -> None:
    with Engine(fixtures, row_cap=None, limit_s=60) as engine:
        everything = dict(rows(fixtures, export.ALWAYS, OldFilter()))
        assert len(everything) > 5_000
        middle = sorted(cells[4] for cells in everything.values() if isinstance(cells[4], int))[len(everything) // 2]
        assert isinstance(middle, int)
        filters = [OldFilter(search=text) for text in TEXTS]
        filters += [OldFilter(status="ERROR", search="get"), OldFilter(process="odd"), OldFilter(group="frontend")]
        for window in (export.ALWAYS, Window(middle, export.ALWAYS.to_ns)):
            for old_filter in filters:
                old = dict(rows(fixtures, window, old_filter))
                new = dict(comparison.new_rows(engine, window, old_filter))
                assert [*comparison.differences(old, new)] == [], old_filter
                assert [*comparison.count_difference(engine, window, old_filter, len(old))] == []
                assert list(old) == list(new)


def test_every_kind_of_difference_is_reported() -> None:
    old = {3: ("p", "d", "t", "1", 30, "OK", None), 2: ("p", "d", "t", "1", 20, "OK", None)}
    new = {2: old[2], 3: ("p", "d", "t", "1.0", 30, "OK", None), 1: old[2]}
    assert [(one.what, one.row_id) for one in comparison.differences(old, new)] == [
        ("rows", 1),
        ("order", 3),
        ("order", 2),
        ("values", 3),
    ]
    assert [*comparison.differences(old, old)] == []


def test_the_newest_rows_are_compared_up_to_a_limit(fixtures: Path) -> None:
    with Engine(fixtures, row_cap=None, limit_s=60) as engine:
        newest = comparison.compare(engine, export.ALWAYS, OldFilter(), most=100)
        assert (newest.old_rows, newest.new_rows, newest.is_cut, newest.differences) == (100, 100, True, [])
        odd = comparison.compare(engine, export.ALWAYS, OldFilter(process="odd"), most=100)
        assert (odd.old_rows, odd.is_cut, odd.differences) == (10, False, [])


def test_the_command_reports_rows_times_and_differences(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "trace.db"
    table.store(log, table.rows("0 feed load 5 OK\n1 feed load 6 ERROR"))
    assert main(["compare-logs", "--log", str(log), "--status", "ERROR"]) == 0
    assert "1 rows by plain SQL" in (out := capsys.readouterr().out)
    assert "No difference." in out
    assert main(["compare-logs", "--log", str(log), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == 2


def test_a_log_of_another_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    table.store(path, table.rows("0 feed load 5 OK"))
    with store.open_log(path) as connection:
        connection.execute("ALTER TABLE data_trace RENAME TO old")
        connection.execute("CREATE TABLE data_trace (id, timestamp)")
    connection.close()
    with pytest.raises(BadParameter, match="another program"):
        list(rows(path, export.ALWAYS, OldFilter()))

"""The Logs page: raw rows, filtered by text, read-only."""

import json
from itertools import islice
from pathlib import Path

import pytest

from obs_core.cli.main import main
from obs_core.clock import SECOND
from obs_core.model import CANONICAL, Row, Status
from obs_core.query.comparison import old_logs
from obs_core.query.filters import piecewise_search, search
from obs_core.store import sqlite
from tests.pages.conftest import Opened, page_text
from tests.support import table

MIXED = """
    seconds  process  data      kind   data_value  status  exception
    0        feed     price     value  101.5       OK      -
    1        feed     load      call   -           ERROR   OSError:disk
    2        feed     note      log    100%_sure   OK      -
"""


def test_the_newest_rows_come_first_with_seven_columns(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(MIXED))
    app = opened("logs")
    [shown] = [frame.value for frame in app.dataframe]
    assert list(shown.columns) == list(CANONICAL)
    assert list(shown["Data"]) == ["note", "load", "price"]
    assert shown["Timestamp"].iloc[0] == "2026-01-01 00:00:02.000"
    assert "3 rows, newest first." in page_text(app)


@pytest.mark.parametrize(
    ("page", "first"),
    [
        ("logs", ["Data", "Status", "Duration", "Exception", "Process"]),
        ("overview", ["Issue", "Count", "Last", "Raised in"]),
    ],
)
def test_on_a_phone_what_matters_most_comes_first(page: str, first: list[str], log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(MIXED))
    app = opened(page)
    assert list(app.dataframe[0].value.columns)[: len(first)] != first
    app.session_state["obs_width"] = {"narrow": True}
    narrow = app.run().dataframe[0].value
    assert list(narrow.columns)[: len(first)] == first
    assert len(narrow.columns) >= len(CANONICAL)


def test_the_text_filter_is_literal_and_comes_from_the_link(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(MIXED))
    [shown] = [frame.value for frame in opened("logs", l_q="%_").dataframe]
    assert list(shown["Data"]) == ["note"]
    app = opened("logs", l_q="nowhere")
    assert "No rows in this window contain this text." in page_text(app)


def test_a_log_without_ids_is_shown_and_answers_questions(
    log_path: Path, opened: Opened, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another program's table without SQLite's rowid: its rows are numbered."""
    columns = ", ".join(f'"{name}"' for name in CANONICAL)
    connection = sqlite.connect(log_path, write=True, create=True)
    connection.execute(f'CREATE TABLE data_trace ({columns}, PRIMARY KEY ("Data")) WITHOUT ROWID')
    cells = ("p", "a", "int", "7", "2026-01-01 00:00:00", "OK", "")
    connection.execute("INSERT INTO data_trace VALUES (?, ?, ?, ?, ?, ?, ?)", cells)
    connection.commit()
    connection.close()
    [shown] = [frame.value for frame in opened("logs").dataframe]
    assert list(shown["Data Value"]) == ["7"]
    assert main(["doctor", "--log", str(log_path)]) == 0
    assert "Another program made this log: it is read as it is" in capsys.readouterr().out
    assert main(["import", str(Path(__file__)), "--log", str(log_path)]) == 2
    assert "was made by another program. It can be read but not written" in capsys.readouterr().err


def test_further_rows_are_reported(log_path: Path, opened: Opened) -> None:
    table.store(log_path, [Row("call", "feed", f"call_{number}", table.START_NS + number) for number in range(101)])
    app = opened("logs")
    assert "100 rows, newest first; older rows are on the next pages." in page_text(app)
    app.button(key="l_older").click().run()
    [shown] = [frame.value for frame in app.dataframe]
    assert list(shown["Data"]) == ["call_0"]
    linked = app.query_params["l_after"]
    token = linked if isinstance(linked, str) else linked[0]
    assert "1 rows, newest first." in page_text(opened("logs", l_after=token))
    app.button(key="l_newer").click().run()
    assert "100 rows" in page_text(app)
    assert "l_after" not in app.query_params
    assert "l_after" not in opened("logs", l_after="%").query_params
    assert "101 rows, newest first." in page_text(opened("logs", l_size="500"))


def test_hostile_text_is_text(log_path: Path, opened: Opened) -> None:
    texts = ["<img src=x onerror=alert(1)>", "a\0b", "user\u202efdp.exe", "x" * 25_000, "=1+1"]
    table.store(log_path, [Row("log", "feed", text, table.START_NS + number) for number, text in enumerate(texts)])
    app = opened("logs")
    assert not app.exception
    [shown] = [frame.value for frame in app.dataframe]
    assert len(shown["Data"].iloc[1]) == 2_001
    assert "\u202e" not in "".join(shown["Data"])


def test_a_slow_search_reports_its_progress(log_path: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    table.store(log_path, [Row("call", "feed", "load", table.START_NS + number) for number in range(5_000)])
    writer = sqlite.connect(log_path, write=True)
    writer.execute("UPDATE data_trace SET process = CAST(x'ff' AS TEXT) WHERE id = 9")  # no copy holds such a name
    writer.close()
    monkeypatch.setattr(search, "AT_ONCE_S", 0.0)
    for limit in ("FULL_SCAN_SHARE", "PIECES_SHARE"):
        monkeypatch.setattr(piecewise_search, limit, 0.0)
    app = opened("logs", l_q="nowhere")
    assert "No rows match up to 2026-01-01 00:00:00.000; searching the whole window takes long." in page_text(app)


def record(text: str, severity: int | None, second: int) -> Row:
    """A log record as the import of OTLP stores it."""
    attributes = json.dumps({"attributes": {}, "severity": "", "severity_number": severity})
    status: Status = "ERROR" if severity and severity >= 17 else "UNSET"
    at = table.START_NS + second * SECOND
    return Row("log", "feed", text, at, data_value=text * 3_000, status=status, attributes=attributes, trace_id="t1")


def test_levels_have_a_column_and_a_filter(log_path: Path, opened: Opened) -> None:
    severities = {"trace": 4, "debug": 5, "info": 9, "warn": 16, "error": 17, "fatal": 24, "none": 0, "null": None}
    rows = [record(text, severity, second) for second, (text, severity) in enumerate(severities.items())]
    failed = Row("call", "feed", "load", table.START_NS, status="ERROR", function="m.load")
    table.store(log_path, [*rows, failed, failed._replace(data="fine", status="OK")])
    [shown] = [frame.value for frame in opened("logs").dataframe]
    levels = {data: cell[0] if len(cell) else "" for data, cell in zip(shown["Data"], shown["Level"], strict=True)}
    named = {text: text.upper() for text in severities if text not in ("none", "null")}
    assert levels == named | {"none": "", "null": "", "load": "ERROR", "fine": ""}
    [shown] = [frame.value for frame in opened("logs", l_level="WARN").dataframe]
    assert set(shown["Data"]) == {"warn", "error", "fatal", "load"}


def test_a_selected_row_is_shown_in_full_with_its_trace_and_function(log_path: Path, opened: Opened) -> None:
    table.store(log_path, [record("x", 9, 0)._replace(function="m.load", span_id="s1")])
    app = opened("logs", l_row="1")
    assert "x" * 3_000 in [box.value for box in app.code]
    links = {link.proto.label: link.proto.query_string for link in app.get("page_link")}
    assert links["Open its trace"] == "trace=t1&span=s1"
    assert links["Open its function"] == "f_fn=m.load"
    app.button(key="l_close").click().run()
    assert "l_row" not in app.query_params


def test_the_rows_are_compared_with_those_of_the_trace_explorer(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(MIXED))
    app = opened("logs")
    assert not app.success
    app.button(key="l_compare_now").click().run()
    assert [box.value for box in app.success] == ["No difference in 3 rows."]
    app.text_input(key="l_q").set_value("price").run()
    assert not app.success
    app.button(key="l_compare_now").click().run()
    assert [box.value for box in app.success] == ["No difference in 1 row."]
    app.run()
    assert [box.value for box in app.success] == ["No difference in 1 row."]


def test_differences_between_the_two_ways_are_listed(
    log_path: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    table.store(log_path, table.rows(MIXED))
    complete = old_logs.rows
    monkeypatch.setattr(old_logs, "rows", lambda *parameters: islice(complete(*parameters), 1, None))
    app = opened("logs")
    app.button(key="l_compare_now").click().run()
    assert [box.value for box in app.error] == ["2 differences in 2 rows."]
    assert list(app.dataframe[0].value["Differs"]) == ["rows", "count"]
    assert list(app.dataframe[0].value["Plain SQL"]) == ["missing", "2"]

"""The Logs page: raw rows, filtered by text, read-only."""

from pathlib import Path

import pytest

from obs_core.model import CANONICAL, Row
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


def test_the_text_filter_is_literal_and_comes_from_the_link(log_path: Path, opened: Opened) -> None:
    table.store(log_path, table.rows(MIXED))
    [shown] = [frame.value for frame in opened("logs", l_q="%_").dataframe]
    assert list(shown["Data"]) == ["note"]
    app = opened("logs", l_q="nowhere")
    assert "No rows in this window contain this text." in page_text(app)


def test_further_rows_are_reported(log_path: Path, opened: Opened) -> None:
    table.store(log_path, [Row("call", "feed", f"call_{number}", table.START_NS + number) for number in range(101)])
    app = opened("logs")
    assert "100 rows, newest first; older rows are not shown." in page_text(app)
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

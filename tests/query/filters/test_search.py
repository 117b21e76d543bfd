"""Rare text is found in the worker's copy, and the answer is the one that SQLite alone gives."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from obs_core.clock import Window
from obs_core.errors import QuestionTimedOut
from obs_core.model import Row
from obs_core.query.engine import search_text
from obs_core.query.engine.engine import Engine
from obs_core.query.engine.worker import IDLE_S
from obs_core.query.engine.worker_pool import Pool
from obs_core.query.filters import piecewise_search
from obs_core.query.filters import search as search_module
from obs_core.query.filters.row_filter import RowFilter, gathered
from obs_core.query.questions import facets, overview, traces
from obs_core.store import log, sqlite
from tests.support import table

ALWAYS = Window(0, 2**63 - 1)
START = table.START_NS
FILLING = 20_000  # rows: a page that finds nothing takes SQLite some 10 ms
TEXTS = [
    "Straße", "STRASSE", "strasse", "größe", "GRÖẞE", "Kelvin", "\u212aelvin", "ﬁle", "İstanbul", "a%b_c", "\\", "'",
    "46", "Zz", "X", "L", "x" * 2_000, "y" * 2_001 + "END", "é" * 1_500, "a\0needle", "na\u0308ive", "😀", "=", "C3BC",
]  # fmt: skip


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite alone gets no time to find a rare text."""
    monkeypatch.setattr(search_module, "AT_ONCE_S", 0.0)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of many rows alike, and of one for each text in each column that is searched."""
    path = tmp_path_factory.mktemp("found") / "trace.db"
    alike = [Row("call", "p", "f", START + at, data_value="1", status="OK") for at in range(FILLING)]
    base = Row("value", "p", "f", START, data_value="1", exception="E", status="OK")
    rare = [Row(**(base._asdict() | {column: text})) for text in TEXTS for column in search_text.SEARCHED]
    connection = log.open_log(path, synchronous="OFF")
    with sqlite.transaction(connection):
        log.append(connection, [*alike, *(row._replace(timestamp=START + at) for at, row in enumerate(rare))])
        connection.execute("UPDATE data_trace SET data_value = CAST(x'ff' || CAST('bad' AS BLOB) AS TEXT) WHERE id = 7")
    connection.close()
    return path


@pytest.fixture(scope="module")
def mirroring(path: Path, pool: Pool) -> Iterator[Engine]:
    """An engine with a copy of the log in its worker."""
    with Engine(path, pool=pool, mirror=True) as engine:
        assert overview.processes(engine, ALWAYS).attrs["way"] == "mirror"
        yield engine


@pytest.fixture(scope="module")
def plain(path: Path, pool: Pool) -> Iterator[Engine]:
    """An engine that asks SQLite alone."""
    with Engine(path, pool=pool) as engine:
        yield engine


PIECES = sorted({text[at : at + size] for text in TEXTS for size in (1, 2, 3, 7) for at in (0, 1, 3) if text[at:]})


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.sampled_from([*TEXTS, *PIECES]), st.text(min_size=1, max_size=3)))
def test_the_copy_and_sqlite_give_the_same_rows(at_once: None, mirroring: Engine, plain: Engine, text: str) -> None:
    del at_once
    text = text[:1_000]
    theirs = traces.page(plain, ALWAYS, row_filter=RowFilter(search=text), size=10_000)
    ours = traces.page(mirroring, ALWAYS, row_filter=RowFilter(search=text), size=10_000)
    assert ours["id"].tolist() == theirs["id"].tolist()


def test_a_rare_text_is_not_searched_for_in_the_whole_window(at_once: None, mirroring: Engine, plain: Engine) -> None:
    del at_once
    asked = ("traces/total", ALWAYS, RowFilter(search="rasse"), {"most": 1_000})
    with pytest.raises(QuestionTimedOut):
        search_module.search_rows(plain, *asked, limit_s=0.0)
    assert search_module.search_rows(mirroring, *asked, limit_s=0.0)["rows"].tolist() == [8]
    assert traces.total(mirroring, ALWAYS, row_filter=RowFilter(search="rasse")).to_dict("records") == [
        {"rows": 8, "exact": True}
    ]
    counted = facets.facets(mirroring, ALWAYS, row_filter=RowFilter(search="rasse"))
    assert dict(zip(counted["facet"], counted["rows"], strict=True)).items() >= {("status", 8)}


def test_other_filters_hold_too(at_once: None, mirroring: Engine, plain: Engine) -> None:
    del at_once
    for more in ({"kind": "value"}, {"status": "ERROR"}, {"errors": True}, {"process": "p"}, {"group": "none"}):
        for search in ("strasse", "END", "bad"):
            asked = [
                traces.page(engine, ALWAYS, **gathered({"search": search, **more})) for engine in (mirroring, plain)
            ]
            assert asked[0]["id"].tolist() == asked[1]["id"].tolist()


def test_a_search_includes_rows_written_just_now(at_once: None, tmp_path: Path, pool: Pool) -> None:
    del at_once
    path = tmp_path / "trace.db"
    table.store(path, [Row("call", "p", "f", START + at) for at in range(2_000)])
    with Engine(path, pool=pool, mirror=True) as engine:
        assert traces.page(engine, ALWAYS, row_filter=RowFilter(search="needle")).empty
        for number in range(3):
            table.store(path, [Row("call", "p", f"Needle{number}", START + number)])
            assert traces.total(engine, ALWAYS, row_filter=RowFilter(search="needle"))["rows"].tolist() == [number + 1]
            assert len(traces.page(engine, ALWAYS, row_filter=RowFilter(search="needle"))) == number + 1


def test_a_bad_byte_in_what_only_searches_read_does_not_end_the_copy(mirroring: Engine) -> None:
    time.sleep(IDLE_S * 2)
    assert overview.processes(mirroring, ALWAYS).attrs["way"] == "mirror"


def test_folded_text_is_ascii_and_short(path: Path) -> None:
    connection = sqlite.connect(path)
    asked = ", ".join(search_text.folded(column) for column in search_text.COLUMNS)
    rows = connection.execute(f"SELECT {asked} FROM data_trace").fetchall()
    connection.close()
    assert all(text.isascii() and "\0" not in text for row in rows for text in row if text is not None)
    assert max(len(text) for row in rows for text in row if text is not None) <= 2 * search_text.LONGEST + 1


@pytest.mark.parametrize("sort", ["time", "-time"])
def test_pages_that_stop_early_continue_to_the_same_rows(
    monkeypatch: pytest.MonkeyPatch, plain: Engine, sort: str
) -> None:
    for where in ({"search": "strasse"}, {"search": "nowhere"}, {"where": "no.such = 1"}, {"kind": "value", "size": 7}):
        monkeypatch.setattr(piecewise_search, "FULL_SCAN_SHARE", 1.0)
        whole = traces.page(plain, ALWAYS, sort=sort, **gathered(where | {"size": 10_000}))
        monkeypatch.setattr(piecewise_search, "FULL_SCAN_SHARE", 0.0)
        monkeypatch.setattr(piecewise_search, "PIECES_SHARE", 0.0)
        monkeypatch.setattr(piecewise_search, "FIRST_PIECE", 3)
        ids, after, pages, stopped = [], None, 0, 0
        while pages == 0 or after is not None:
            page = traces.page(plain, ALWAYS, sort=sort, after=after, **gathered(where))
            ids += page["id"].tolist()
            after, pages, stopped = page.attrs["next"], pages + 1, stopped + ("looked_to_ns" in page.attrs)
        assert ids == whole["id"].tolist()
        assert stopped > 1


def test_a_page_reports_how_far_it_has_searched(monkeypatch: pytest.MonkeyPatch, plain: Engine) -> None:
    monkeypatch.setattr(piecewise_search, "FULL_SCAN_SHARE", 0.0)
    monkeypatch.setattr(piecewise_search, "PIECES_SHARE", 0.0)
    extent = plain.extent()
    assert extent
    page = traces.page(plain, ALWAYS, row_filter=RowFilter(search="nowhere"))
    assert (len(page), page.attrs["truncated"]) == (0, True)
    assert page.attrs["looked_to_ns"] == extent.to_ns - extent.length_ns // 64


def test_a_window_too_slow_for_any_piece_times_out(monkeypatch: pytest.MonkeyPatch, plain: Engine) -> None:
    for limit in ("FULL_SCAN_SHARE", "PIECES_SHARE", "PIECE_SHARE"):
        monkeypatch.setattr(piecewise_search, limit, -1.0)
    with pytest.raises(QuestionTimedOut, match="took too long"):
        traces.page(plain, ALWAYS, row_filter=RowFilter(search="nowhere"), sort="time")

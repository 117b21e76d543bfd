"""Pages, searches, trees and exports have the rows that left the log, each once and in the right order."""

import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from pandas import DataFrame
from pandas.testing import assert_frame_equal

from obs_core.archive.manifest import Manifest, folder_of
from obs_core.clock import SECOND, Window
from obs_core.errors import ArchiveDamaged
from obs_core.model import Row
from obs_core.query import export
from obs_core.query.engine.engine import Engine
from obs_core.query.engine.worker_pool import Pool
from obs_core.query.filters.paging import SORTS
from obs_core.query.filters.row_filter import ALL_ROWS, RowFilter
from obs_core.query.questions import facets, inspector, overview, trace_list, traces
from tests.support.archives import append, mixed, prune, seal, statement
from tests.support.table import START_NS

STEP = 600 * SECOND
ALL = Window(0, 2**63 - 1)
FILTERS = {
    "all": ALL_ROWS,
    "errors": RowFilter(errors=True),
    "process": RowFilter(process="p1", kind="call"),
    "function": RowFilter(function="m.f2"),
    "unnamed": RowFilter(function="a'b"),
    "search": RowFilter(search="A'B"),
    "search beyond ASCII": RowFilter(search="Ü"),
    "search with NUL": RowFilter(search="f\0"),
    "nowhere": RowFilter(search="nowhere"),
    "duration": RowFilter(min_ms=1_000_000, max_ms=2_000_000),
    "exception": RowFilter(exception_type="E"),
    "attribute": RowFilter(where="size > 30"),
    "attribute name": RowFilter(where="näme = x"),
    "data type": RowFilter(data_type="int"),
    "roots": RowFilter(roots=True),
    "failed roots": RowFilter(roots=True, errors=True),
    "level": RowFilter(level="INFO"),
}


def with_attributes(rows: list[Row]) -> list[Row]:
    """The rows; every third has attributes, and some of its texts are long."""
    return [
        row._replace(attributes=f'{{"attributes": {{"size": {number % 50}, "n\\u00e4me": "x"}}}}')
        if number % 3 == 0
        else row._replace(data_value="s" * 2_000_000 if number == 7 else row.data_value)
        for number, row in enumerate(rows)
    ]


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A log with late and superseded rows; and the same without the rows up to the id 280, which its archive has."""
    folder = tmp_path_factory.mktemp("narrow")
    path = append(folder / "whole.db", with_attributes(mixed(400)))
    append(path, [row._replace(span_id=f"l{n}") for n, row in enumerate(mixed(9, start_ns=START_NS + 50 * STEP + 1))])
    seal(path, "--everything", "--batch-rows", "90")
    copy = folder / "pruned.db"
    statement(path, f"VACUUM INTO '{copy}'")
    shutil.copytree(folder_of(path), folder_of(copy))
    prune(copy, 280)
    for log in (path, copy):
        append(log, mixed(30, start_ns=START_NS + 20 * STEP + 5, first=5_000, step_ns=SECOND))
        append(log, mixed(30, first=400))
    for statement_text in ("INSERT INTO superseded VALUES (33)", "DELETE FROM data_trace WHERE id = 33"):
        for log in (path, copy):
            statement(log, statement_text)
    return path, copy


@pytest.fixture
def engines(paths: tuple[Path, Path], pool: Pool) -> Iterator[tuple[Engine, Engine]]:
    """Engines on both."""
    whole, pruned = paths
    with Engine(whole, pool=pool, archive=False) as first, Engine(pruned, pool=pool) as second:
        yield first, second


def assert_same(engines: tuple[Engine, Engine], ask: Callable[[Engine], DataFrame]) -> DataFrame:
    expected, answer = map(ask, engines)
    assert_frame_equal(answer, expected)
    assert answer.attrs.get("next") == expected.attrs.get("next")
    assert answer.attrs["truncated"] == expected.attrs["truncated"]
    return expected


@pytest.mark.parametrize("row_filter", FILTERS.values(), ids=FILTERS)
def test_pages_have_the_rows_that_left_the_log(engines: tuple[Engine, Engine], row_filter: RowFilter) -> None:
    seen = 0
    number = list(FILTERS.values()).index(row_filter)
    sorts = SORTS if number == 0 else ("time", "-time", SORTS[2 + number % (len(SORTS) - 2)])
    for sort in sorts:
        for window, group in ((ALL, None), (Window(START_NS + 90 * STEP, START_NS + 310 * STEP), "g1")):
            after, pages = None, 0
            while pages == 0 or (after and pages < (3 if sort in ("time", "-process") else 2 if number else 1)):
                answer = assert_same(
                    engines,
                    lambda engine, window=window, group=group, after=after, sort=sort: traces.page(  # type: ignore[misc]
                        engine, window, group=group, row_filter=row_filter, sort=sort, after=after, size=110,
                        attributes=("size",),
                    ),
                )  # fmt: skip
                after, pages, seen = answer.attrs["next"], pages + 1, seen + len(answer)
    assert seen or row_filter.search == "nowhere"
    for sort in ("time", ("-time", "duration", "-process")[number % 3]):
        ask_traces = partial(trace_list.page, row_filter=row_filter, sort=sort, size=30)
        listed = assert_same(engines, lambda engine: ask_traces(engine, ALL))  # noqa: B023
        if listed.attrs["next"]:
            assert_same(engines, lambda engine: ask_traces(engine, ALL, after=listed.attrs["next"]))  # noqa: B023
    assert_same(engines, lambda engine: trace_list.total(engine, ALL, row_filter=row_filter))
    assert_same(engines, lambda engine: traces.total(engine, ALL, row_filter=row_filter))
    assert_same(engines, lambda engine: facets.facets(engine, ALL, row_filter=row_filter))
    assert_same(engines, lambda engine: export.width(engine, ALL, row_filter=row_filter))
    pieces = [list(export.pieces(engine, ALL, row_filter=row_filter, size=60)) for engine in engines]
    assert [row for piece in pieces[1] for row in piece] == [row for piece in pieces[0] for row in piece]


def test_traces_and_rows_that_left_the_log_are_found_by_their_ids(engines: tuple[Engine, Engine]) -> None:
    for number in (0, 1, 20, 39, 40, 41, 55):
        tree = assert_same(engines, lambda engine, number=number: traces.tree(engine, ALL, trace_id=f"t{number}"))  # type: ignore[misc]
        assert len(tree)
        assert export.trace(engines[0], f"t{number}") == export.trace(engines[1], f"t{number}")
        for span in set(tree["parent_span_id"].dropna()):
            assert_same(
                engines,
                lambda engine, number=number, span=span: traces.children(  # type: ignore[misc]
                    engine, ALL, trace_id=f"t{number}", span_id=span
                ),
            )
    assert_same(engines, lambda engine: traces.tree(engine, ALL, trace_id="none"))
    for row_id in (1, 8, 33, 280, 281, 420, 9_999):
        assert_same(engines, lambda engine, row_id=row_id: traces.row(engine, ALL, id=row_id))  # type: ignore[misc]
        assert_same(engines, lambda engine, row_id=row_id: traces.attributes(engine, ALL, id=row_id))  # type: ignore[misc]


def test_failures_that_left_the_log_are_listed(engines: tuple[Engine, Engine]) -> None:
    for ask in (
        lambda engine: overview.recent_errors(engine, ALL, size=30),
        lambda engine: overview.exceptions(engine, ALL),
        lambda engine: inspector.failures(engine, ALL, function="m.f1"),
        lambda engine: inspector.recent(engine, ALL, function="m.f2"),
    ):
        assert len(assert_same(engines, ask))


def test_a_window_of_which_no_row_left_is_read_from_the_log_alone(paths: tuple[Path, Path], pool: Pool) -> None:
    with Engine(paths[1], pool=pool) as engine:
        assert engine.is_pruned(Window(START_NS, 2**63 - 1))
        assert not engine.is_pruned(Window(START_NS + 280 * STEP, 2**63 - 1))


def test_a_missing_piece_is_an_error_where_it_is_needed(paths: tuple[Path, Path], pool: Pool, tmp_path: Path) -> None:
    shutil.copytree(paths[1].parent, tmp_path / "copy")
    path = tmp_path / "copy" / paths[1].name
    with Manifest(folder_of(path)) as manifest:
        [first, *_] = manifest.pieces("rows")
        (manifest.folder / first.file).write_bytes(b"PAR1 damaged PAR1")
    with Engine(path, pool=pool) as engine:
        assert len(traces.page(engine, ALL, size=10)) == 10
        with pytest.raises(ArchiveDamaged, match="only in the archive"):
            traces.page(engine, ALL, sort="-time", size=10)


HOSTILE = (
    "plain", "PLAIN", "100%", "100 percent", "under_score", "underXscore", "back\\slash", "\\%", "a\0nul", "nul behind",
    "'; DROP TABLE data_trace; --", "ß", "ss", "STRASSE", "Straße", "İstanbul", "istanbul", "\u212a", "k", "é",
    "e\u0301",     "\ud7ff\U0001f600", "", " ", "\n", "[a-z]*", "^$", "(?i)x", "\x85",
)  # fmt: skip


def matches(search: str, text: str) -> bool:
    """What a search finds: ASCII in any case up to a NUL, and other text folded."""
    if search.isascii() and "\0" not in search:
        lower = {number: number + 32 for number in range(ord("A"), ord("Z") + 1)}
        return search.translate(lower) in text.partition("\0")[0].translate(lower)
    return search.casefold() in text.casefold()


def test_a_search_of_hostile_text_finds_what_python_finds(tmp_path: Path, pool: Pool) -> None:
    cells: tuple[Callable[[str], Row], ...] = (
        lambda text: Row("call", text or "p", "d", 0),
        lambda text: Row("call", "p", text, 0),
        lambda text: Row("value", "p", "d", 0, data_type="str", data_value=text),
        lambda text: Row("call", "p", "d", 0, status="ERROR", exception=text),
    )
    rows = [
        cell(text)._replace(timestamp=START_NS + number)
        for number, (text, cell) in enumerate((text, cell) for _ in range(3) for text in HOSTILE for cell in cells)
    ]
    path = append(tmp_path / "x.db", [*rows, *mixed(1, start_ns=START_NS + SECOND)])
    # values that are all different are stored without a dictionary
    append(path, [Row("value", "p", "d", START_NS, data_type="str", data_value=f"v{n}ÄB%") for n in range(5_000)])
    append(path, mixed(1, start_ns=START_NS + SECOND))
    seal(path)
    stored = statement(path, "SELECT id, process, data, data_value, exception FROM data_trace WHERE id <= 5340")
    prune(path, 5_340)
    assert len(stored) > 5_000
    with Engine(path, pool=pool) as engine:
        for search in (*filter(None, HOSTILE), "äb%", "V4999", "%", "_"):
            answer = traces.page(engine, ALL, row_filter=RowFilter(search=search), size=10_000)
            expected = {row_id for row_id, *texts in stored if any(matches(search, text) for text in texts if text)}
            assert set(answer["id"]) & {row[0] for row in stored} == expected, repr(search)

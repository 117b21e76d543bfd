"""One answer for all sessions that ask the same, and questions that are asked ahead."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pandas import DataFrame

from obs_core.clock import Window
from obs_core.errors import LogMissing, QuestionTimedOut
from obs_core.query.engine.engine import Engine
from obs_core.query.questions import overview
from obs_core.ui.shell import answers
from obs_core.ui.shell.cached_query import MAX_ANSWERS, MAX_ROWS, CachedQuery
from obs_core.ui.shell.scope import PageScope
from tests.support import table

WHOLE = Window(0, 2**62)
ROW = "0 feed load - OK"


@pytest.fixture
def cached(tmp_path: Path) -> Iterator[CachedQuery]:
    """The answers of an engine on a log of one row."""
    table.store(tmp_path / "trace.db", table.rows(ROW))
    query = CachedQuery(Engine(tmp_path / "trace.db"))
    yield query
    query.close()


def test_sessions_that_ask_at_once_get_one_answer(cached: CachedQuery) -> None:
    runs: list[int] = []
    together = threading.Barrier(8)

    def counted(engine: Engine, window: Window, **parameters: object) -> DataFrame:
        runs.append(1)
        assert (engine, window, parameters) == (cached.engine, WHOLE, {"group": None})
        return DataFrame({"calls": [1]})

    def ask() -> None:
        together.wait()
        cached.answer(counted, WHOLE, {"group": None})

    sessions = [threading.Thread(target=ask) for _ in range(8)]
    for session in sessions:
        session.start()
    for session in sessions:
        session.join()
    assert len(runs) == 1


def test_a_session_does_not_see_what_another_changes_in_its_answer(cached: CachedQuery) -> None:
    first = cached.answer(overview.summary, WHOLE, {"group": None})
    first.loc[0, "calls"] = 99
    assert cached.answer(overview.summary, WHOLE, {"group": None})["calls"].tolist() == [1]


def test_a_log_that_changed_is_asked_again(cached: CachedQuery, tmp_path: Path) -> None:
    assert cached.answer(overview.summary, WHOLE, {})["calls"].tolist() == [1]
    table.store(tmp_path / "trace.db", table.rows(ROW))
    assert cached.answer(overview.summary, WHOLE, {})["calls"].tolist() == [2]


def test_an_error_is_not_cached(cached: CachedQuery) -> None:
    fails = [True, False]

    def slow_once(engine: Engine, window: Window) -> DataFrame:
        assert (engine, window) == (cached.engine, WHOLE)
        if fails.pop(0):
            raise QuestionTimedOut("It took too long.")
        return DataFrame({"calls": [1]})

    with pytest.raises(QuestionTimedOut):
        cached.answer(slow_once, WHOLE, {})
    assert len(cached.answer(slow_once, WHOLE, {})) == 1


def test_the_oldest_answers_are_dropped_when_there_are_many(cached: CachedQuery) -> None:
    def any_answer(engine: Engine, window: Window) -> DataFrame:
        assert engine is cached.engine
        return DataFrame({"from_ns": [window.from_ns]})

    for start in range(MAX_ANSWERS + 5):
        cached.answer(any_answer, Window(start, 2**62), {})
    assert len(cached._answers) == MAX_ANSWERS


def test_large_answers_are_dropped_sooner_with_what_was_derived_from_them(cached: CachedQuery) -> None:
    def large(engine: Engine, window: Window) -> DataFrame:
        assert engine is cached.engine
        return DataFrame({"from_ns": range(window.from_ns, window.from_ns + MAX_ROWS // 4)})

    for start in range(10):
        answer = cached.answer(large, Window(start, 2**62), {})
        cached.derived(len, (answer,), {})
    assert len(cached._answers) == 4
    assert len(cached._derived) == 4


def test_a_missing_log_is_an_error_of_the_caller(tmp_path: Path) -> None:
    missing = CachedQuery(Engine(tmp_path / "none.db"))
    with pytest.raises(LogMissing):
        missing.answer(overview.summary, WHOLE, {})
    missing.close()


def test_a_result_is_derived_once_per_answer(cached: CachedQuery, tmp_path: Path) -> None:
    built: list[int] = []

    def calls(summary: DataFrame, *, plus: int) -> int:
        built.append(plus)
        return int(summary["calls"].iloc[0]) + plus

    def derived(plus: int) -> int:
        return cached.derived(calls, (cached.answer(overview.summary, WHOLE, {}),), {"plus": plus})

    assert [derived(0), derived(0), derived(5), derived(0)] == [1, 1, 6, 1]
    assert built == [0, 5]
    table.store(tmp_path / "trace.db", table.rows(ROW))
    assert derived(0) == 2
    assert built == [0, 5, 0]


def test_a_result_is_derived_once_from_a_derived_frame_and_dropped_with_its_answer(cached: CachedQuery) -> None:
    def part(frame: DataFrame) -> DataFrame:
        return frame[["calls"]]

    def chain() -> object:
        first = cached.derived(part, (cached.answer(overview.summary, WHOLE, {}),), {})
        return cached.derived(lambda frame: frame.to_numpy(), (first,), {})

    assert chain() is chain()
    assert len(cached._derived) == 2
    for number in range(MAX_ANSWERS):
        cached.answer(overview.summary, Window(0, 2**62 - number - 1), {})
    assert not cached._derived


def test_frames_in_a_derived_tuple_count_as_answers_and_are_dropped_with_theirs(cached: CachedQuery) -> None:
    def parts(frame: DataFrame) -> tuple[str, DataFrame]:
        return "calls", frame[["calls"]]

    def chain() -> object:
        _, part = cached.derived(parts, (cached.answer(overview.summary, WHOLE, {}),), {})
        return cached.derived(lambda frame: frame.to_numpy(), (part,), {})

    assert chain() is chain()
    for number in range(MAX_ANSWERS):
        cached.answer(overview.summary, Window(0, 2**62 - number - 1), {})
    assert not cached._derived


def test_readers_in_another_time_zone_get_their_own_results(cached: CachedQuery) -> None:
    answer = cached.answer(overview.summary, WHOLE, {})
    zones = ("Europe/Berlin", "Asia/Tokyo", "Europe/Berlin")
    berlin, tokyo, again = (cached.derived(lambda frame: object(), (answer,), {}, zone=zone) for zone in zones)  # noqa: ARG005 - only the result matters
    assert berlin is again
    assert berlin is not tokyo


def test_refreshes_within_a_second_see_the_log_at_one_version(
    cached: CachedQuery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = cached.snapshot(shared=True)
    table.store(tmp_path / "trace.db", table.rows("1 feed load - OK"))
    monkeypatch.setattr("obs_core.ui.shell.cached_query.SHARED_NS", 2**62)
    assert cached.snapshot(shared=True) is first
    now = cached.snapshot()
    assert (now.version, now.extent) != (first.version, first.extent)
    monkeypatch.setattr("obs_core.ui.shell.cached_query.SHARED_NS", 0)
    assert cached.snapshot(shared=True).version == now.version


def test_an_answer_at_a_version_is_used_for_that_version(cached: CachedQuery, tmp_path: Path) -> None:
    seen = cached.snapshot()
    assert not cached.is_known(overview.summary, WHOLE, {}, seen.version)
    assert cached.answer(overview.summary, WHOLE, {}, seen.version)["calls"].tolist() == [1]
    table.store(tmp_path / "trace.db", table.rows(ROW))
    assert cached.is_known(overview.summary, WHOLE, {}, seen.version)
    assert not cached.is_known(overview.summary, WHOLE, {})
    assert cached.answer(overview.summary, WHOLE, {}, seen.version)["calls"].tolist() == [1]
    assert cached.answer(overview.summary, WHOLE, {})["calls"].tolist() == [2]


def test_a_result_from_another_frame_is_not_cached(cached: CachedQuery) -> None:
    part = cached.answer(overview.summary, WHOLE, {})[["calls"]]
    results = [cached.derived(lambda frame: object(), (part,), {}) for _ in range(2)]  # noqa: ARG005 - only the result matters
    assert results[0] is not results[1]


SCOPE = PageScope(WHOLE, "web", live=False, from_text="first", to_text="last")


@pytest.fixture
def server_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The log of the server, with one row."""
    table.store(tmp_path / "trace.db", table.rows(ROW))
    monkeypatch.setenv("OBS_LOG", str(tmp_path / "trace.db"))
    yield tmp_path / "trace.db"
    answers.close()


def test_a_part_of_a_page_starts_with_the_questions_of_its_last_run(server_log: Path) -> None:
    runs: list[tuple[Window, object]] = []

    def new_question(engine: Engine, window: Window, *, group: str | None = None, **parameters: object) -> DataFrame:
        assert engine.log == server_log
        runs.append((window, group))
        return DataFrame({"calls": [len(parameters)]})

    before = replace(SCOPE, window=WHOLE.before())
    with answers.prefetching("page", SCOPE):
        for scope in (SCOPE, before, SCOPE):
            answers.ask(new_question, scope)
        answers.ask(new_question, SCOPE, function="m.load")
        answers.ask(new_question, replace(SCOPE, group=None))
    assert len(runs) == 4

    later = Window(10, 2**62)
    with answers.prefetching("page", replace(SCOPE, window=later)):
        end = time.monotonic() + 10
        while len(runs) < 6 and time.monotonic() < end:
            time.sleep(0.01)
    assert runs[4:] == [(later, "web"), (later.before(), "web")]


def test_each_log_has_its_own_engine_until_it_is_closed(
    server_log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = answers.engine()
    assert answers.engine() is first
    other = tmp_path / "other.db"
    monkeypatch.setenv("OBS_LOG", str(other))
    assert answers.engine().log == other
    monkeypatch.setenv("OBS_LOG", str(server_log))
    assert answers.engine() is first
    answers.close()
    assert answers.engine() is not first


def test_a_run_that_was_cut_short_does_not_replace_the_last_questions(server_log: Path) -> None:
    with answers.prefetching("page", SCOPE):
        answers.ask(overview.summary, SCOPE)
    with pytest.raises(RuntimeError), answers.prefetching("page", SCOPE):
        raise RuntimeError
    assert answers.cached_query(server_log).last_questions["page"] == ((overview.summary, False),)


def test_a_block_sees_the_log_as_it_was_at_its_start(server_log: Path) -> None:
    everyone = replace(SCOPE, group=None)
    with answers.at_one_version():
        assert answers.ask(overview.summary, everyone)["calls"].tolist() == [1]
        before = answers.log_extent()
        table.store(server_log, table.rows("5 feed load - OK"))
        assert answers.log_extent() == before
        assert answers.ask(overview.summary, everyone)["calls"].tolist() == [1]
    assert answers.log_extent() != before
    assert answers.ask(overview.summary, everyone)["calls"].tolist() == [2]

"""One answer for all who ask the same at the same time."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pandas import DataFrame

from obs_core.clock import Window
from obs_core.errors import LogMissing, QuestionTimedOut
from obs_core.query.engine.engine import Engine
from obs_core.query.questions import overview
from obs_core.ui.shell.answers import ANSWERS, KEPT_ROWS, CachedQuery
from tests.support import table

WHOLE = Window(0, 2**62)
ROW = "0 feed load - OK"


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[CachedQuery]:
    """The answers of an engine on a log of one row."""
    table.store(tmp_path / "trace.db", table.rows(ROW))
    found = CachedQuery(Engine(tmp_path / "trace.db"))
    yield found
    found.close()


def test_sessions_that_ask_at_once_get_one_answer(asked: CachedQuery) -> None:
    runs: list[int] = []
    together = threading.Barrier(8)

    def counted(engine: Engine, window: Window, **parameters: object) -> DataFrame:
        runs.append(1)
        assert (engine, window, parameters) == (asked.engine, WHOLE, {"group": None})
        return DataFrame({"calls": [1]})

    def ask() -> None:
        together.wait()
        asked.answer(counted, WHOLE, {"group": None})

    sessions = [threading.Thread(target=ask) for _ in range(8)]
    for session in sessions:
        session.start()
    for session in sessions:
        session.join()
    assert len(runs) == 1


def test_what_one_session_does_to_its_answer_another_does_not_see(asked: CachedQuery) -> None:
    first = asked.answer(overview.summary, WHOLE, {"group": None})
    first.loc[0, "calls"] = 99
    assert asked.answer(overview.summary, WHOLE, {"group": None})["calls"].tolist() == [1]


def test_a_log_that_changed_is_asked_again(asked: CachedQuery, tmp_path: Path) -> None:
    assert asked.answer(overview.summary, WHOLE, {})["calls"].tolist() == [1]
    table.store(tmp_path / "trace.db", table.rows(ROW))
    assert asked.answer(overview.summary, WHOLE, {})["calls"].tolist() == [2]


def test_an_error_is_not_kept(asked: CachedQuery) -> None:
    fails = [True, False]

    def slow_once(engine: Engine, window: Window) -> DataFrame:
        assert (engine, window) == (asked.engine, WHOLE)
        if fails.pop(0):
            raise QuestionTimedOut("It took too long.")
        return DataFrame({"calls": [1]})

    with pytest.raises(QuestionTimedOut):
        asked.answer(slow_once, WHOLE, {})
    assert len(asked.answer(slow_once, WHOLE, {})) == 1


def test_old_answers_go_when_there_are_many(asked: CachedQuery) -> None:
    def any_answer(engine: Engine, window: Window) -> DataFrame:
        assert engine is asked.engine
        return DataFrame({"from_ns": [window.from_ns]})

    for start in range(ANSWERS + 5):
        asked.answer(any_answer, Window(start, 2**62), {})
    assert len(asked._known) == ANSWERS


def test_large_answers_go_sooner_with_what_was_made_of_them(asked: CachedQuery) -> None:
    def large(engine: Engine, window: Window) -> DataFrame:
        assert engine is asked.engine
        return DataFrame({"from_ns": range(window.from_ns, window.from_ns + KEPT_ROWS // 4)})

    for start in range(10):
        answer = asked.answer(large, Window(start, 2**62), {})
        asked.shaped(len, (answer,), {})
    assert len(asked._known) == 4
    assert len(asked._shapes) == 4


def test_a_missing_log_is_the_askers_error(tmp_path: Path) -> None:
    missing = CachedQuery(Engine(tmp_path / "none.db"))
    with pytest.raises(LogMissing):
        missing.answer(overview.summary, WHOLE, {})
    missing.close()


def test_what_is_made_of_an_answer_is_made_once_and_anew_of_a_new_one(asked: CachedQuery, tmp_path: Path) -> None:
    made: list[int] = []

    def calls(summary: DataFrame, *, plus: int) -> int:
        made.append(plus)
        return int(summary["calls"].iloc[0]) + plus

    def shaped(plus: int) -> int:
        return asked.shaped(calls, (asked.answer(overview.summary, WHOLE, {}),), {"plus": plus})

    assert [shaped(0), shaped(0), shaped(5), shaped(0)] == [1, 1, 6, 1]
    assert made == [0, 5]
    table.store(tmp_path / "trace.db", table.rows(ROW))
    assert shaped(0) == 2
    assert made == [0, 5, 0]


def test_of_a_frame_that_is_no_answer_something_is_made_each_time(asked: CachedQuery) -> None:
    part = asked.answer(overview.summary, WHOLE, {})[["calls"]]
    made = [asked.shaped(lambda frame: object(), (part,), {}) for _ in range(2)]  # noqa: ARG005 - what is made
    assert made[0] is not made[1]

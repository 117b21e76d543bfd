"""The questions of pages to the log: one engine for the server, and all sessions share its answers (`cached_query`).

Each part of a page starts with the questions of its last run (`prefetching`): they run while the page is drawn.
"""

import inspect
import threading
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import streamlit as st
from pandas import DataFrame

from obs_core.clock import Window
from obs_core.errors import ObsError
from obs_core.query.engine.engine import Engine
from obs_core.query.engine.opening import engine_on
from obs_core.query.questions import overview
from obs_core.settings import from_environment, log_path, store_url
from obs_core.ui.shell.cached_query import MARK, CachedQuery, Question, Snapshot, T, Version, copied, named
from obs_core.ui.shell.scope import PageScope


class _Recorded(NamedTuple):
    """The questions that a part of a page asks in this run, each with whether it was for the window before."""

    scope: PageScope
    before: Window
    questions: dict[tuple[Question, bool], None]

    def add(self, question: Question, scope: PageScope) -> None:
        """Record `question`, unless it is for another scope than the page's."""
        if _given(question, scope) == _given(question, self.scope) and scope.window in (self.scope.window, self.before):
            self.questions[question, scope.window == self.before] = None


_opened: "dict[tuple[Path, str], CachedQuery]" = {}
HeldKey = tuple[Question, PageScope, tuple[tuple[str, Hashable], ...]]
MAX_HELD_ROWS: Final = 10_000  # of an answer that a session keeps while its page does not move
_held: ContextVar[dict[HeldKey, DataFrame] | None] = ContextVar("_held", default=None)
_recorded: ContextVar[_Recorded | None] = ContextVar("_recorded", default=None)
_snapshot: ContextVar[tuple[CachedQuery, Snapshot] | None] = ContextVar("_snapshot", default=None)


def _release(cached: CachedQuery) -> None:
    for key in [key for key, opened in _opened.items() if opened is cached]:
        del _opened[key]
    cached.close()


@st.cache_resource(show_spinner=False, on_release=_release)
def cached_query(log: Path, store: str = "") -> CachedQuery:
    """Return the engine of this server for the store, or for `log`, with its answers."""
    return CachedQuery(engine_on(log, store, mirror=True, archive=from_environment().archive != "no"))


def _current() -> CachedQuery:
    """The engine of the settings; a page needs it forty times, and Streamlit's cache takes 0.1 ms."""
    log, store = key = log_path(), store_url()
    if (cached := _opened.get(key)) is None:
        cached = _opened[key] = cached_query(log, store) if store else cached_query(log)
    return cached


def engine() -> Engine:
    """Return the engine of this server."""
    return _current().engine


@contextmanager
def at_one_version(*, refresh: bool = False) -> Iterator[None]:
    """Let all questions of the block see the log at one version, which is read once.

    A `refresh` shares it, and so its answers, with the refreshes of other sessions in the last second. A log that is
    not readable is an error where it is asked.
    """
    token = None
    with suppress(ObsError):
        cached = _current()
        token = _snapshot.set((cached, cached.snapshot(shared=refresh)))
    try:
        yield
    finally:
        if token is not None:
            _snapshot.reset(token)


def log_extent() -> Window | None:
    """Return the range of the log; None while it has no rows.

    Raises:
        ObsError: the log is not readable.
    """
    cached = _current()
    snapshot = _snapshot_of(cached)
    return cached.engine.extent() if snapshot is None else snapshot.extent


def _snapshot_of(cached: CachedQuery) -> Snapshot | None:
    taken = _snapshot.get()
    return taken[1] if taken is not None and taken[0] is cached else None


def _version_of(cached: CachedQuery) -> Version | None:
    snapshot = _snapshot_of(cached)
    return None if snapshot is None else snapshot.version


def prewarm() -> None:
    """Start a worker, which makes its mirror of the log, before the first page asks for anything."""
    _current().prefetch([(overview.processes, Window(0, 1), {"group": None})])


def clear_cache() -> None:
    """Drop all answers of this server."""
    _current().clear()


def forget(*questions: Question) -> None:
    """Drop the answers to `questions`: the next page that asks them computes them again."""
    _current().forget(*questions)


def close() -> None:
    """Close the engine of this server; the next question opens it again."""
    cached_query.clear()


def ask(question: Question, scope: PageScope, **parameters: object) -> DataFrame:
    """Return the answer to `question` for the window and group of `scope`, and its own `parameters`.

    Its percentiles are exact if the scope asks for that.

    Raises:
        ObsError: the log is not readable, the question timed out, or a parameter is invalid.
    """
    if not parameters and (recorded := _recorded.get()) is not None:
        recorded.add(question, scope)
    if (held := _held.get()) is None:
        return ask_now(question, scope, **parameters)
    key = (question, replace(scope, paused_ns=None), named(parameters))
    if (answer := held.get(key)) is not None:
        return copied(answer, getattr(answer, MARK))
    answer = ask_now(question, scope, **parameters)
    if len(answer) <= MAX_HELD_ROWS:
        held[key] = copied(answer, getattr(answer, MARK))
    return answer


def ask_soon(question: Question, scope: PageScope, *, wait_s: float, **parameters: object) -> DataFrame | None:
    """Return the answer if it comes within `wait_s` seconds, else None: a later run has it, unless the log grew.

    Raises:
        ObsError: as in `ask`, within that time.
    """
    cached, result = _current(), Future[DataFrame]()
    asked, version = (question, scope.window, _given(question, scope) | parameters), _version_of(cached)
    if cached.is_known(*asked, version):
        return cached.answer(*asked, version)

    def run() -> None:
        try:
            result.set_result(cached.answer(*asked, version))
        except Exception as error:  # noqa: BLE001 - raised where the result is read
            result.set_exception(error)

    threading.Thread(target=run, name="obs-soon", daemon=True).start()
    with suppress(TimeoutError):
        return result.result(wait_s)
    return None


def ask_now(question: Question, scope: PageScope, **parameters: object) -> DataFrame:
    """Return the answer for the log as it is now, also on a page that does not move; see `ask`."""
    cached = _current()
    return cached.answer(question, scope.window, _given(question, scope) | parameters, _version_of(cached))


@contextmanager
def holding(answers: dict[HeldKey, DataFrame]) -> Iterator[None]:
    """Answer what was asked before from `answers`, and add the other answers."""
    token = _held.set(answers)
    try:
        yield
    finally:
        _held.reset(token)


@contextmanager
def prefetching(part: str, scope: PageScope) -> Iterator[None]:
    """Ask in the background what `part` of a page asked in its last run, and record what the block asks now.

    Recorded are questions for the page's own scope, and the same for the window before; not those with parameters of
    their own: what a reader selected in the last run need not be selected now.
    """
    cached = _current()
    recorded = _Recorded(scope, scope.window.before(), {})
    windows = (scope.window, recorded.before)
    cached.prefetch(
        [
            (question, windows[before], _given(question, scope))
            for question, before in cached.last_questions.get(part, ())
        ],
        _version_of(cached),
    )
    token = _recorded.set(recorded)
    try:
        yield
    finally:
        _recorded.reset(token)
    cached.last_questions[part] = tuple(recorded.questions)  # not of a run that was cut short by a click or an error


def derived(build: Callable[..., T], *answers: DataFrame, **given: Hashable) -> T:
    """Return `build(*answers, **given)`, computed once for the same answers of `ask`; nobody may change the result.

    Readers in different time zones do not share results, which may contain times as text.
    """
    return _current().derived(build, answers, given, zone=st.context.timezone)


def _given(question: Question, scope: PageScope) -> dict[str, object]:
    """What `scope` says of the parameters of `question`."""
    return {"group": scope.group} | ({"exact": True} if scope.exact and _can_be_exact(question) else {})


@cache
def _can_be_exact(question: Question) -> bool:
    return "exact" in inspect.signature(question).parameters

"""The answers of the log: one engine for the server, and each answer computed once for all sessions.

An answer is valid for (question, window, parameters, version of the log). Sessions that ask the same at the same time
share one computation. The newest answers are cached; the oldest are dropped beyond `MAX_ANSWERS`.
What a page derives from an answer is cached with it (`derived`): a refresh without new rows costs the drawing alone.
Each part of a page starts with the questions of its last run (`prefetching`): they run while the page is drawn.
"""

import inspect
import itertools
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar, cast

import streamlit as st
from pandas import DataFrame

from obs_core.clock import SECOND, Window, now_ns
from obs_core.errors import ObsError
from obs_core.query.engine.engine import Engine
from obs_core.query.questions import overview, writers
from obs_core.settings import from_environment, log_path
from obs_core.ui.shell.scope import PageScope

MAX_ANSWERS: Final = 128  # cached: about thirty per page, for a few pages and windows

MAX_ROWS: Final = 200_000
"""Rows of all cached answers together, about 100 MB. A trace of 20,000 rows is 12 MB, and a growing log needs a new
answer at each refresh."""

MAX_DERIVED: Final = 256  # cached results that were derived from answers
_MARK: Final = "_obs_answer"
_numbers: Final = itertools.count()

T = TypeVar("T")
Question = Callable[..., DataFrame]


class _Pending:
    """One answer on its way: whoever holds the lock computes it."""

    __slots__ = ("frame", "lock", "number")

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.frame: DataFrame | None = None
        self.number = next(_numbers)


class _Recorded(NamedTuple):
    """The questions that a part of a page asks in this run, each with whether it was for the window before."""

    scope: PageScope
    before: Window
    questions: dict[tuple[Question, bool], None]

    def add(self, question: Question, scope: PageScope) -> None:
        """Record `question`, unless it is for another scope than the page's."""
        if _given(question, scope) == _given(question, self.scope) and scope.window in (self.scope.window, self.before):
            self.questions[question, scope.window == self.before] = None


_opened: "dict[Path, CachedQuery]" = {}
HeldKey = tuple[Question, PageScope, tuple[tuple[str, Hashable], ...]]
MAX_HELD_ROWS: Final = 10_000  # of an answer that a session keeps while its page does not move
_held: ContextVar[dict[HeldKey, DataFrame] | None] = ContextVar("_held", default=None)
_recorded: ContextVar[_Recorded | None] = ContextVar("_recorded", default=None)


class CachedQuery:
    """The answers of one engine, shared by all sessions."""

    def __init__(self, engine: Engine) -> None:
        """Ask `engine` and cache its answers."""
        self.engine = engine
        self.last_questions: dict[str, tuple[tuple[Question, bool], ...]] = {}
        self._answers: OrderedDict[Hashable, _Pending] = OrderedDict()
        self._derived: OrderedDict[tuple[str, str, tuple[Any, ...], Hashable], Any] = OrderedDict()
        self._lock = threading.Lock()
        self._prefetcher: threading.Thread | None = None

    def close(self) -> None:
        """Drop the answers and close the engine."""
        if self._prefetcher:
            self._prefetcher.join()
        self._answers.clear()
        self.engine.close()

    def clear(self) -> None:
        """Drop all answers: the next request computes them again."""
        with self._lock:
            self._answers.clear()
            self._derived.clear()

    def answer(self, question: Question, window: Window, parameters: dict[str, object]) -> DataFrame:
        """Return the answer to `question` for the log as it is now. The caller may change the frame.

        Raises:
            ObsError: the question failed; the next request tries again.
        """
        named = _named(parameters)
        second = now_ns() // SECOND if question is writers.status else 0  # writers change while the log does not
        key = (question.__module__, question.__qualname__, window, named, second, self.engine.version())
        with self._lock:
            pending = self._answers.setdefault(key, _Pending())
            self._answers.move_to_end(key)
        with pending.lock:
            if pending.frame is None:
                pending.frame = question(self.engine, window, **parameters)
                self._trim()
            return _copied(pending.frame, pending.number)

    def _trim(self) -> None:
        """Drop the oldest answers, and what was derived from them, until the rest are few and small enough."""
        dropped = set()
        with self._lock:
            rows = sum(len(pending.frame) for pending in self._answers.values() if pending.frame is not None)
            while len(self._answers) > MAX_ANSWERS or (rows > MAX_ROWS and len(self._answers) > 1):
                _, oldest = self._answers.popitem(last=False)
                rows -= 0 if oldest.frame is None else len(oldest.frame)
                dropped.add(oldest.number)
            while keys := [key for key in self._derived if not dropped.isdisjoint(key[2])]:
                marks = [getattr(self._derived.pop(key), _MARK, None) for key in keys]
                dropped = {mark for mark in marks if mark is not None}

    def prefetch(self, questions: Sequence[tuple[Question, Window, dict[str, object]]]) -> None:
        """Ask `questions` with their parameters in their order in a thread, unless it is still busy with others."""

        def run() -> None:
            for question, window, parameters in questions:
                with suppress(ObsError):  # the panel that asks for it shows the error
                    self.answer(question, window, parameters)

        if questions and (self._prefetcher is None or not self._prefetcher.is_alive()):
            self._prefetcher = threading.Thread(target=run, name="obs-prefetch", daemon=True)
            self._prefetcher.start()

    def derived(self, build: Callable[..., T], answers: tuple[DataFrame, ...], given: dict[str, Hashable]) -> T:
        """Return `build(*answers, **given)`, computed once for the same answers; all callers share the result.

        Frames that were derived count as answers: more can be derived from them.
        """
        marks = tuple(getattr(answer, _MARK, None) for answer in answers)
        if None in marks:
            return build(*answers, **given)
        key = (build.__module__, build.__qualname__, marks, tuple(sorted(given.items())))
        with self._lock:
            if key in self._derived:
                self._derived.move_to_end(key)
                return cast("T", self._derived[key])
        result = build(*answers, **given)
        if isinstance(result, DataFrame) and not hasattr(result, _MARK):
            object.__setattr__(result, _MARK, next(_numbers))  # so that more can be derived from it
        with self._lock:
            self._derived[key] = result
            if len(self._derived) > MAX_DERIVED:
                self._derived.popitem(last=False)
        return result


def _release(cached: CachedQuery) -> None:
    for log in [log for log, opened in _opened.items() if opened is cached]:
        del _opened[log]
    cached.close()


@st.cache_resource(show_spinner=False, on_release=_release)
def cached_query(log: Path) -> CachedQuery:
    """Return the engine of this server for `log`, with its answers."""
    return CachedQuery(Engine(log, mirror=True, archive=from_environment().archive != "no"))


def _current() -> CachedQuery:
    """The engine of the log in the environment; a page needs it forty times, and Streamlit's cache takes 0.1 ms."""
    log = log_path()
    if (cached := _opened.get(log)) is None:
        cached = _opened[log] = cached_query(log)
    return cached


def engine() -> Engine:
    """Return the engine of this server."""
    return _current().engine


def prewarm() -> None:
    """Start a worker, which makes its mirror of the log, before the first page asks for anything."""
    _current().prefetch([(overview.processes, Window(0, 1), {"group": None})])


def clear_cache() -> None:
    """Drop all answers of this server."""
    _current().clear()


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
    key = (question, replace(scope, paused_ns=None), _named(parameters))
    if (answer := held.get(key)) is None:
        answer = ask_now(question, scope, **parameters)
        if len(answer) <= MAX_HELD_ROWS:
            held[key] = answer
    return _copied(answer, getattr(answer, _MARK))


def ask_soon(question: Question, scope: PageScope, *, wait_s: float, **parameters: object) -> DataFrame | None:
    """Return the answer if it comes within `wait_s` seconds, else None: a later run has it, unless the log grew.

    Raises:
        ObsError: as in `ask`, within that time.
    """
    cached, result = cached_query(from_environment().log), Future[DataFrame]()

    def run() -> None:
        try:
            result.set_result(cached.answer(question, scope.window, _given(question, scope) | parameters))
        except Exception as error:  # noqa: BLE001 - raised where the result is read
            result.set_exception(error)

    threading.Thread(target=run, name="obs-soon", daemon=True).start()
    with suppress(TimeoutError):
        return result.result(wait_s)
    return None


def ask_now(question: Question, scope: PageScope, **parameters: object) -> DataFrame:
    """Return the answer for the log as it is now, also on a page that does not move; see `ask`."""
    return _current().answer(question, scope.window, _given(question, scope) | parameters)


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
        ]
    )
    token = _recorded.set(recorded)
    try:
        yield
    finally:
        _recorded.reset(token)
    cached.last_questions[part] = tuple(recorded.questions)  # not of a run that was cut short by a click or an error


def derived(build: Callable[..., T], *answers: DataFrame, **given: Hashable) -> T:
    """Return `build(*answers, **given)`, computed once for the same answers of `ask`; nobody may change the result."""
    return _current().derived(build, answers, given)


def _given(question: Question, scope: PageScope) -> dict[str, object]:
    """What `scope` says of the parameters of `question`."""
    return {"group": scope.group} | ({"exact": True} if scope.exact and _can_be_exact(question) else {})


@cache
def _can_be_exact(question: Question) -> bool:
    return "exact" in inspect.signature(question).parameters


def _copied(answer: DataFrame, number: int) -> DataFrame:
    copied = answer.copy(deep=False)  # pandas 3 copies on write: a change stays with the caller
    object.__setattr__(copied, _MARK, number)  # unlike attrs, no frame derived from this one inherits it
    return copied


def _named(parameters: dict[str, object]) -> tuple[tuple[str, Hashable], ...]:
    return tuple((key, tuple(value) if isinstance(value, list) else value) for key, value in sorted(parameters.items()))

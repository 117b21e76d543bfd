"""Asking the log: one engine for the server, and each answer computed once for all who ask the same.

An answer holds for (question, window, parameters, the log's version). Sessions that ask at the same time wait for the
one that asks already. The newest answers are kept; older ones go when `ANSWERS` are there.
What a page makes of an answer is kept with it (`shaped`): a refresh that brings nothing new costs the drawing alone.
"""

import itertools
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import streamlit as st
from pandas import DataFrame

from obs_core.clock import SECOND, Window, now_ns
from obs_core.errors import ObsError
from obs_core.query.engine.engine import Engine
from obs_core.query.questions import overview, writers
from obs_core.settings import from_environment
from obs_core.ui.shell.scope import PageScope

ANSWERS: Final = 128
"""Answers that are kept: some thirty for each page, of a few pages and windows."""

KEPT_ROWS: Final = 200_000
"""Rows of all kept answers together: some 100 MB. A trace of 20,000 rows is 12 MB, and a growing log makes it anew at
each refresh."""

SHAPES: Final = 256
"""What was made of answers and is kept."""

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


class CachedQuery:
    """The answers of one engine, shared by all sessions."""

    def __init__(self, engine: Engine) -> None:
        """Ask `engine`, and keep what it says."""
        self.engine = engine
        self._known: OrderedDict[Hashable, _Pending] = OrderedDict()
        self._shapes: OrderedDict[tuple[str, str, tuple[Any, ...], Hashable], Any] = OrderedDict()
        self._lock = threading.Lock()
        self._ahead: threading.Thread | None = None

    def close(self) -> None:
        """Forget the answers and close the engine."""
        if self._ahead:
            self._ahead.join()
        self._known.clear()
        self.engine.close()

    def forget(self) -> None:
        """Keep no answer: the next to ask computes it again."""
        with self._lock:
            self._known.clear()
            self._shapes.clear()

    def answer(self, question: Question, window: Window, parameters: dict[str, object]) -> DataFrame:
        """The answer to `question` as the log is now. The frame is the caller's own.

        Raises:
            ObsError: what the question raises; the next one to ask tries again.
        """
        named = tuple((name, _hashable(value)) for name, value in sorted(parameters.items()))
        moment = now_ns() // SECOND if question is writers.status else 0  # writers fare while the log does not change
        key = (question.__module__, question.__qualname__, window, named, moment, self.engine.version())
        with self._lock:
            pending = self._known.setdefault(key, _Pending())
            self._known.move_to_end(key)
        with pending.lock:
            if pending.frame is None:
                pending.frame = question(self.engine, window, **parameters)
                self._trim()
            frame = pending.frame.copy(deep=False)  # pandas 3 copies on write: what the caller changes stays his
        object.__setattr__(frame, _MARK, pending.number)  # unlike attrs, no frame made of this one gets it
        return frame

    def _trim(self) -> None:
        """Let the oldest answers go, with what was made of them, until the others are few and small enough."""
        gone = set()
        with self._lock:
            rows = sum(len(each.frame) for each in self._known.values() if each.frame is not None)
            while len(self._known) > ANSWERS or (rows > KEPT_ROWS and len(self._known) > 1):
                _, old = self._known.popitem(last=False)
                rows -= 0 if old.frame is None else len(old.frame)
                gone.add(old.number)
            for key in [key for key in self._shapes if not gone.isdisjoint(key[2])]:
                del self._shapes[key]

    def ahead(self, questions: Sequence[tuple[Question, Window, str | None]]) -> None:
        """Have a thread ask `questions` in their order, unless it is still busy with others."""

        def run() -> None:
            for question, window, group in questions:
                with suppress(ObsError):  # who asks for it himself is told
                    self.answer(question, window, {"group": group})

        if self._ahead is None or not self._ahead.is_alive():
            self._ahead = threading.Thread(target=run, name="obs-ahead", daemon=True)
            self._ahead.start()

    def shaped(self, build: Callable[..., T], answers: tuple[DataFrame, ...], given: dict[str, Hashable]) -> T:
        """`build(*answers, **given)`, made once of the same answers; all who ask get the same object."""
        marks = tuple(getattr(answer, _MARK, None) for answer in answers)
        if None in marks:
            return build(*answers, **given)
        key = (build.__module__, build.__qualname__, marks, tuple(sorted(given.items())))
        with self._lock:
            if key in self._shapes:
                self._shapes.move_to_end(key)
                return cast("T", self._shapes[key])
        made = build(*answers, **given)
        with self._lock:
            self._shapes[key] = made
            if len(self._shapes) > SHAPES:
                self._shapes.popitem(last=False)
        return made


@st.cache_resource(show_spinner=False, on_release=lambda asked: asked.close())
def asked(log: Path) -> CachedQuery:
    """The engine of this server for `log`, with its answers."""
    return CachedQuery(Engine(log, mirror=True))


def engine() -> Engine:
    """The engine of this server."""
    return asked(from_environment().log).engine


def prewarm() -> None:
    """Start a worker that makes its mirror of the log, before the first page asks for anything."""
    asked(from_environment().log).ahead([(overview.processes, Window(0, 1), None)])


def clear_cache() -> None:
    """Keep none of the answers of this server."""
    asked(from_environment().log).forget()


def close() -> None:
    """Close the engine of this server; the next question opens it again."""
    asked.clear()


def ask(question: Question, scope: PageScope, **parameters: object) -> DataFrame:
    """The answer to `question` for the chosen window and group, and its own `parameters`.

    Raises:
        ObsError: the log can't be read, the question took too long, or a parameter is not usable.
    """
    return asked(from_environment().log).answer(question, scope.window, {"group": scope.group} | parameters)


def prefetch(questions: Sequence[tuple[Question, PageScope]]) -> None:
    """Begin to ask `questions` in their order, while the page is being drawn: whoever asks the same waits for that."""
    asked(from_environment().log).ahead([(question, scope.window, scope.group) for question, scope in questions])


def derived(build: Callable[..., T], *answers: DataFrame, **given: Hashable) -> T:
    """`build(*answers, **given)`, made once of the same answers of `ask`; nobody may change what it returns."""
    return asked(from_environment().log).shaped(build, answers, given)


def _hashable(value: object) -> Hashable:
    return tuple(value) if isinstance(value, list) else value

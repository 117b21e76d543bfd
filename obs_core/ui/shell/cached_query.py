"""The answers of one engine, each computed once for all sessions, and what pages derive from them.

An answer is valid for (question, window, parameters, version of the log). Sessions that ask the same at the same time
share one computation. The newest answers are cached; the oldest are dropped beyond `MAX_ANSWERS`.
What a page derives from an answer is cached with it (`derived`): a refresh without new rows costs the drawing alone.
"""

import itertools
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple, TypeVar, cast

from pandas import DataFrame

from obs_core.clock import SECOND, Window, now_ns
from obs_core.errors import ObsError
from obs_core.query.engine.engine import Engine
from obs_core.query.questions import writers

MAX_ANSWERS: Final = 128  # cached: about thirty per page, for a few pages and windows

MAX_ROWS: Final = 200_000
"""Rows of all cached answers together, about 100 MB. A trace of 20,000 rows is 12 MB, and a growing log needs a new
answer at each refresh."""

MAX_DERIVED: Final = 256  # cached results that were derived from answers
MARK: Final = "_obs_answer"  # the attribute with the number of an answer
_numbers: Final = itertools.count()

SHARED_NS: Final = SECOND
"""Refreshes see the log as another one saw it, if that is at most so long ago: sessions that refresh together share
their answers while the log grows."""

T = TypeVar("T")
Version = tuple[int, ...]
"""What changes whenever the log does, as `Engine.version` returns it."""
Question = Callable[..., DataFrame]


class Snapshot(NamedTuple):
    """The version of the log, and its range, at `time_ns`."""

    version: Version
    extent: Window | None
    time_ns: int


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
        """Ask `engine` and cache its answers."""
        self.engine = engine
        self.last_questions: dict[str, tuple[tuple[Question, bool], ...]] = {}
        self._answers: OrderedDict[Hashable, _Pending] = OrderedDict()
        self._derived: OrderedDict[tuple[str, str, tuple[Any, ...], Hashable], Any] = OrderedDict()
        self._lock = threading.Lock()
        self._prefetcher: threading.Thread | None = None
        self._snapshot: Snapshot | None = None

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

    def snapshot(self, *, shared: bool = False) -> Snapshot:
        """Return the version of the log and its range; if `shared`, those of another refresh in the last second.

        Raises:
            ObsError: the log is not readable.
        """
        last = self._snapshot
        if shared and last is not None and 0 <= now_ns() - last.time_ns < SHARED_NS:
            return last
        version, time_ns = self.engine.version(), now_ns()
        extent = last.extent if last is not None and last.version == version else self.engine.extent()
        taken = Snapshot(version, extent, time_ns)
        if shared:
            self._snapshot = taken
        return taken

    def forget(self, *questions: Question) -> None:
        """Drop the answers to `questions`."""
        names = {(question.__module__, question.__qualname__) for question in questions}
        with self._lock:
            for key in [key for key in self._answers if isinstance(key, tuple) and key[:2] in names]:
                del self._answers[key]

    def answer(
        self, question: Question, window: Window, parameters: dict[str, object], version: Version | None = None
    ) -> DataFrame:
        """Return the answer to `question` for the log as it is now. The caller may change the frame.

        An answer to the same question at `version` of the log (by default: now) is used again.

        Raises:
            ObsError: the question failed; the next request tries again.
        """
        key = self._key(question, window, parameters, version)
        with self._lock:
            pending = self._answers.setdefault(key, _Pending())
            self._answers.move_to_end(key)
        with pending.lock:
            if pending.frame is None:
                pending.frame = question(self.engine, window, **parameters)
                self._trim()
            return copied(pending.frame, pending.number)

    def is_known(
        self, question: Question, window: Window, parameters: dict[str, object], version: Version | None = None
    ) -> bool:
        """Whether `answer` has the answer already.

        Raises:
            ObsError: the log is not readable.
        """
        with self._lock:
            pending = self._answers.get(self._key(question, window, parameters, version))
        return pending is not None and pending.frame is not None

    def _key(
        self, question: Question, window: Window, parameters: dict[str, object], version: Version | None
    ) -> Hashable:
        second = now_ns() // SECOND if question is writers.status else 0  # writers change while the log does not
        version = self.engine.version() if version is None else version
        return (question.__module__, question.__qualname__, window, named(parameters), second, version)

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
                results = [self._derived.pop(key) for key in keys]
                frames = [frame for result in results for frame in (result if isinstance(result, tuple) else (result,))]
                dropped = {getattr(frame, MARK) for frame in frames if isinstance(frame, DataFrame)}

    def prefetch(
        self, questions: Sequence[tuple[Question, Window, dict[str, object]]], version: Version | None = None
    ) -> None:
        """Ask `questions` with their parameters in their order in a thread, unless it is still busy with others.

        Those with an answer at `version` of the log (by default: now) are left out.
        """
        if self._prefetcher is not None and self._prefetcher.is_alive():
            return
        with suppress(ObsError):
            questions = [asked for asked in questions if not self.is_known(*asked, version)]

        def run() -> None:
            for question, window, parameters in questions:
                with suppress(ObsError):  # the panel that asks for it shows the error
                    self.answer(question, window, parameters, version)

        if questions:
            self._prefetcher = threading.Thread(target=run, name="obs-prefetch", daemon=True)
            self._prefetcher.start()

    def derived(
        self,
        build: Callable[..., T],
        answers: tuple[DataFrame, ...],
        given: dict[str, Hashable],
        zone: str | None = None,
    ) -> T:
        """Return `build(*answers, **given)`, computed once for the same answers and shared in a time `zone`.

        Frames that were derived, alone or in a tuple, count as answers: more can be derived from them.
        """
        marks = tuple(getattr(answer, MARK, None) for answer in answers)
        if None in marks:
            return build(*answers, **given)
        key = (build.__module__, build.__qualname__, marks, (zone, *sorted(given.items())))
        with self._lock:
            if key in self._derived:
                self._derived.move_to_end(key)
                return cast("T", self._derived[key])
        result = build(*answers, **given)
        for frame in result if isinstance(result, tuple) else (result,):
            if isinstance(frame, DataFrame) and not hasattr(frame, MARK):
                object.__setattr__(frame, MARK, next(_numbers))  # so that more can be derived from it
        with self._lock:
            self._derived[key] = result
            if len(self._derived) > MAX_DERIVED:
                self._derived.popitem(last=False)
        return result


def copied(answer: DataFrame, number: int) -> DataFrame:
    """A frame of its own for a caller, with the number of the answer."""
    frame = answer.copy(deep=False)  # pandas 3 copies on write: a change stays with the caller
    object.__setattr__(frame, MARK, number)  # unlike attrs, no frame derived from this one inherits it
    return frame


def named(parameters: dict[str, object]) -> tuple[tuple[str, Hashable], ...]:
    """The parameters of a question as part of a key."""
    return tuple((key, tuple(value) if isinstance(value, list) else value) for key, value in sorted(parameters.items()))

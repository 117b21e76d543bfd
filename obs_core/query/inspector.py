"""One function from every side: who calls it, whom it calls, how it fails and how long its calls take."""

from pandas import DataFrame

from obs_core.clock import Window
from obs_core.query import filters
from obs_core.query.engine import Engine


def callers(engine: Engine, window: Window, *, group: str | None = None, function: str) -> DataFrame:
    """The functions that called `function`, most calls first; errors and times are those of the calls they made."""
    return _related(engine, "inspector/callers", window, group, function)


def callees(engine: Engine, window: Window, *, group: str | None = None, function: str) -> DataFrame:
    """The functions that `function` called, the one that took most time first."""
    return _related(engine, "inspector/callees", window, group, function)


def durations(engine: Engine, window: Window, *, group: str | None = None, function: str) -> DataFrame:
    """How the durations of `function` are spread: calls and errors in ten slices to each power of ten.

    Each slice names the trace and span of its slowest call.
    """
    return _related(engine, "inspector/durations", window, group, function)


def rank(engine: Engine, window: Window, *, group: str | None = None, function: str, duration_ns: int) -> DataFrame:
    """How many timed calls of `function` there were, and how many of them took less than `duration_ns`: one row."""
    parameters = {"group": filters.text("group", group), "function": filters.text("function", function)}
    wanted = parameters | {"duration_ns": filters.whole("duration_ns", duration_ns, -(2**63), 2**63 - 1)}
    return engine.analyse("inspector/rank", filters.clipped(engine, window), wanted)


def failures(
    engine: Engine, window: Window, *, group: str | None = None, function: str, size: int = 1_000
) -> DataFrame:
    """The newest calls of `function` that failed, newest first, with exception and stack."""
    return engine.lookup("inspector/failures", _newest(window, group, function, size))


def recent(engine: Engine, window: Window, *, group: str | None = None, function: str, size: int = 50) -> DataFrame:
    """The newest calls of `function`, newest first, with what they returned."""
    return engine.lookup("inspector/recent", _newest(window, group, function, size))


def _related(engine: Engine, question: str, window: Window, group: str | None, function: str) -> DataFrame:
    parameters = {"group": filters.text("group", group), "function": filters.text("function", function)}
    return engine.analyse(question, filters.clipped(engine, window), parameters)


def _newest(window: Window, group: str | None, function: str, size: int) -> dict[str, object]:
    return {
        "from_ns": window.from_ns,
        "to_ns": window.to_ns,
        "group": filters.text("group", group),
        "function": filters.text("function", function),
        "size": filters.whole("size", size, 1, 10_000),
    }

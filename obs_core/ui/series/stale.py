"""Which streaks are stale values: not those of arguments and constants, unless a rule says so."""

from collections.abc import Collection
from typing import NamedTuple

from pandas import DataFrame

from obs_core.query.questions import values
from obs_core.series.streaks import Missing
from obs_core.ui.shell.answers import ask, derived, log_extent
from obs_core.ui.shell.scope import PageScope

ARGUMENT = "argument"
CONSTANT = "constant"

HELP = "Arguments of calls, and series that never changed in the whole log, are not stale unless a rule says so."


class Split(NamedTuple):
    """Streaks that are stale, and the others, with `why`: `ARGUMENT` or `CONSTANT`."""

    stale: DataFrame
    quiet: DataFrame


def split(
    scope: PageScope,
    streaks: DataFrame,
    *,
    missing: Missing = "value",
    with_rule: Collection[tuple[str, str]] = (),
) -> Split:
    """Split `streaks`, an answer of `values.streaks`; `with_rule` are the series that are stale by a rule.

    A series is constant if it has had one value since the log began, not only in the window. In a log that is too long
    to search for that, none is.

    Raises:
        ObsError: the log is not readable, or the question timed out.
    """
    ruled = frozenset(with_rule)
    constant = frozenset(_constants(scope, derived(_unchanged, streaks, ruled=ruled), missing))
    marked = derived(_marked, streaks, constant=constant, ruled=ruled)
    return Split(derived(_stale, marked), derived(_quiet, marked))


def _unchanged(streaks: DataFrame, *, ruled: frozenset[tuple[str, str]]) -> list[tuple[str, str]]:
    """The series with one value in the window, without arguments and those that a rule names."""
    candidates = streaks[streaks["unchanged"].astype(bool) & ~streaks["argument"].astype(bool)]
    return sorted(set(zip(candidates["process"], candidates["data"], strict=True)) - ruled)


def _marked(
    streaks: DataFrame, *, constant: frozenset[tuple[str, str]], ruled: frozenset[tuple[str, str]]
) -> DataFrame:
    """The streaks with the column `why`, which is empty for those that are stale."""
    pairs = zip(streaks["process"], streaks["data"], streaks["argument"], strict=True)
    why = [
        "" if (process, data) in ruled else ARGUMENT if argument else CONSTANT if (process, data) in constant else ""
        for process, data, argument in pairs
    ]
    return streaks.assign(why=why).astype({"why": "object"})


def _stale(marked: DataFrame) -> DataFrame:
    return marked[marked["why"] == ""].drop(columns="why")


def _quiet(marked: DataFrame) -> DataFrame:
    return marked[marked["why"] != ""]


def _constants(scope: PageScope, unchanged: list[tuple[str, str]], missing: Missing) -> set[tuple[str, str]]:
    """Those of `unchanged`, the series with one value in the window, that have had no other since the log began."""
    extent = log_extent()
    if not unchanged or extent is None:
        return set()
    if scope.window.from_ns <= extent.from_ns and scope.window.to_ns >= extent.to_ns:
        return set(unchanged)
    whole_log = PageScope(extent, scope.group, live=False, from_text="first", to_text="last")
    processes, names = zip(*unchanged, strict=True)
    answer = ask(values.constants, whole_log, processes=processes, names=names, missing=missing)
    return set(zip(answer["process"], answer["data"], strict=True))

"""Which streaks are stale values: not those of arguments and constants, unless a rule says so."""

from collections.abc import Collection
from typing import NamedTuple

from pandas import DataFrame

from obs_core.query.questions import values
from obs_core.series.streaks import Missing
from obs_core.ui.shell.answers import ask, engine
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
    pairs = list(zip(streaks["process"], streaks["data"], strict=True))
    by_rule = [pair in with_rule for pair in pairs]
    unchanged = {
        pair
        for pair, is_argument, is_unchanged in zip(pairs, streaks["argument"], streaks["unchanged"], strict=True)
        if is_unchanged and not is_argument and pair not in with_rule
    }
    constant = _constants(scope, sorted(unchanged), missing)
    why = [
        "" if ruled else ARGUMENT if is_argument else CONSTANT if pair in constant else ""
        for pair, is_argument, ruled in zip(pairs, streaks["argument"], by_rule, strict=True)
    ]
    marked = streaks.assign(why=why).astype({"why": "object"})
    is_stale = marked["why"] == ""
    return Split(streaks[is_stale], marked[~is_stale])


def _constants(scope: PageScope, unchanged: list[tuple[str, str]], missing: Missing) -> set[tuple[str, str]]:
    """Those of `unchanged`, the series with one value in the window, that have had no other since the log began."""
    extent = engine().extent()
    if not unchanged or extent is None:
        return set()
    if scope.window.from_ns <= extent.from_ns and scope.window.to_ns >= extent.to_ns:
        return set(unchanged)
    whole_log = PageScope(extent, scope.group, live=False, from_text="first", to_text="last")
    processes, names = zip(*unchanged, strict=True)
    answer = ask(values.constants, whole_log, processes=processes, names=names, missing=missing)
    return set(zip(answer["process"], answer["data"], strict=True))

"""What each function does: how often it ran, failed and how long it took; its history and its recorded sources."""

from typing import Final, Literal

import numpy as np
from pandas import DataFrame

from obs_core.clock import Window
from obs_core.query import filters
from obs_core.query.engine import Engine

ENOUGH: Final = 50  # timed calls; below, one call more or less moves the share that is compared by 2 %
NOTABLE: Final = 4.0  # standard errors: with 400 functions and a tick every 5 s, 3 would cry wolf each minute
_SLOWER: Final = 0.05  # the share of calls above a P95


def performance(
    engine: Engine,
    window: Window,
    *,
    group: str | None = None,
    exact: bool = False,
    by: Literal["function", "data"] = "function",
    function: str | None = None,
) -> DataFrame:
    """Each function's calls, errors, durations, self time and memory, by process group and function.

    Percentiles are exact whatever `exact` says (linear, as numpy's). Calls that were not timed count as calls, not in
    the durations. Self time leaves out what the children that began in the window took. `by` data groups by the span's
    name alone. `function` names one of them alone, which costs less.
    """
    del exact
    filters.choice("by", by, ("function", "data"))
    # Children of other groups belong to their parents' self time: the group is applied inside the question.
    parameters = {
        "in_group": filters.text("group", group),
        "function": filters.text("function", function),
        "by_data": by == "data",
    }
    found = engine.analyse("functions/performance", filters.clipped(engine, window), parameters)
    return found.rename(columns={"function": by})


def changes(engine: Engine, window: Window, *, group: str | None = None) -> DataFrame:
    """Each function's calls, errors and P95 now and in the window of the same length before, most time first.

    `change` is P95 now over P95 before. `notable` says that it is more than noise: had nothing changed, 5 % of the
    calls now would be slower than the P95 before (`slower`), and 5 % of those before slower than the P95 now
    (`slower_before`); one of the shares is more than `NOTABLE` standard errors above that, and both windows have at
    least `ENOUGH` timed calls.
    """
    before = window.before()
    parameters = {"group": filters.text("group", group), "split_ns": window.from_ns}
    whole = filters.clipped(engine, Window(before.from_ns, window.to_ns))
    found = engine.analyse("functions/changes", whole, parameters)
    attrs = dict(found.attrs)
    found = found[found["calls"] > 0].reset_index(drop=True)
    found["change"] = found["p95_ms"] / found["p95_before_ms"]
    now, then = found["timed"].clip(lower=1), found["timed_before"].clip(lower=1)
    share = np.maximum(found["slower"] / now, found["slower_before"] / then)
    deviation = np.sqrt(_SLOWER * (1 - _SLOWER) * (1 / now + 1 / then))
    found["notable"] = (np.minimum(now, then) >= ENOUGH) & (share - _SLOWER > NOTABLE * deviation)
    found.attrs = attrs
    return found


def history(
    engine: Engine,
    window: Window,
    *,
    group: str | None = None,
    function: str | None = None,
    bucket: str = "auto",
) -> DataFrame:
    """Calls, errors and percentiles of one function (or all) per slice of time, at most 300 of them.

    A slice without calls has 0 calls and no percentiles; `bucket` is as in overview.throughput.
    """
    within = filters.clipped(engine, window)
    parameters = {"group": filters.text("group", group), "function": filters.text("function", function)}
    slices = filters.buckets(within, bucket)
    return engine.analyse("functions/history", within, {**parameters, **slices.parameters})


def names(
    engine: Engine, window: Window, *, group: str | None = None, search: str | None = None, limit: int = 50
) -> DataFrame:
    """The functions whose name holds `search` (whatever its case), most called first, at most `limit` of them."""
    limit = filters.whole("limit", limit, 1, 9_999)
    parameters = {"group": filters.text("group", group), "search": filters.text("search", search), "size": limit + 1}
    found = engine.analyse("functions/names", filters.clipped(engine, window), parameters)
    shown = found.head(limit).copy()
    shown.attrs = found.attrs | {"truncated": len(found) > limit}
    return shown


def code(engine: Engine, window: Window, *, group: str | None = None, function: str) -> DataFrame:
    """The recorded sources of one function, newest first, and how its calls behaved under each in the window.

    `calls` is 0 for a source that did not run in the window; `first_ns` and `last_ns` are its calls' first and last.
    """
    name = filters.text("function", function)
    sources = engine.lookup("functions/code", {"function": name})
    behaved = engine.analyse(
        "functions/versions",
        filters.clipped(engine, window),
        {"group": filters.text("group", group), "function": name},
    )
    attrs = dict(behaved.attrs)
    behaved = behaved.astype({"first_ns": "Int64", "last_ns": "Int64"})  # a float has 53 bits: no room for these
    found = sources.merge(behaved, on="code_id", how="left")
    found[["calls", "errors"]] = found[["calls", "errors"]].fillna(0).astype("int64")
    found.attrs = attrs
    return found

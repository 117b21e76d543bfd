"""What each function does: how often it ran, failed and how long it took; its history and its recorded sources."""

from typing import Final, Literal

from pandas import DataFrame

from obs_core.clock import Window
from obs_core.errors import BadParameter
from obs_core.query.analysis import significance
from obs_core.query.engine.engine import Engine
from obs_core.query.filters import checks

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
    checks.choice("by", by, ("function", "data"))
    # Children of other groups belong to their parents' self time: the group is applied inside the question.
    parameters = {
        "in_group": checks.text("group", group),
        "function": checks.text("function", function),
        "by_data": by == "data",
    }
    found = engine.analyse("functions/performance", checks.clipped(engine, window), parameters)
    return found.rename(columns={"function": by})


def changes(engine: Engine, window: Window, *, group: str | None = None) -> DataFrame:
    """Each function's calls, errors and P95 now and in the window of the same length before, most time first.

    `change` is P95 now over P95 before. `notable` says that it is more than noise: had nothing changed, 5 % of the
    calls now would be slower than the P95 before (`slower`), and 5 % of those before slower than the P95 now
    (`slower_before`); one of the shares is more than `noise.NOTABLE` standard errors above that, and both windows have
    at least `noise.ENOUGH` timed calls.
    """
    before = window.before()
    parameters = {"group": checks.text("group", group), "split_ns": window.from_ns}
    whole = checks.clipped(engine, Window(before.from_ns, window.to_ns))
    found = engine.analyse("functions/changes", whole, parameters)
    attrs = dict(found.attrs)
    found = found[found["calls"] > 0].reset_index(drop=True)
    found["change"] = found["p95_ms"] / found["p95_before_ms"]
    counts = (found[name] for name in ("timed", "slower", "timed_before", "slower_before"))
    found["notable"] = significance.share_differs(*counts, share=_SLOWER)
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
    within = checks.clipped(engine, window)
    parameters = {"group": checks.text("group", group), "function": checks.text("function", function)}
    slices = checks.buckets(within, bucket)
    return engine.analyse("functions/history", within, {**parameters, **slices.parameters})


def trends(
    engine: Engine,
    window: Window,
    *,
    group: str | None = None,
    processes: tuple[str, ...] = (),
    groups: tuple[str, ...] = (),
    names: tuple[str, ...] = (),
    functions: tuple[str, ...] = (),
    percentiles: tuple[float, ...] = (95.0,),
    slices: int = 60,
) -> DataFrame:
    """Calls, errors and percentiles of several parts of the calls per slice of time, at most `slices` of them.

    A part is named by its process, group, data and function, which are at the same place in the four lists: names, or
    patterns with `*` and `?`; an empty text, or an empty list, stands for all. `part` is that place. Slices without a
    call are left out. `percentiles_ns` holds for each slice the percentiles asked for, in their order;
    `attrs["step_ns"]` is a slice's length.

    Raises:
        BadParameter: lists that are not empty differ in length, or a percentile is none.
    """
    lists = {"processes": processes, "groups": groups, "names": names, "functions": functions}
    length = max(map(len, lists.values()))
    if any(len(each) not in (0, length) for each in lists.values()):
        raise BadParameter("The lists that name the parts differ in length.", "Give a text for each part, or no list.")
    shares = [float(each) / 100 for each in percentiles]
    if not shares or not all(0 <= share <= 1 for share in shares):
        raise BadParameter("A percentile is not from 0 to 100.", "Give some from 0 to 100, such as 95.")
    within = checks.clipped(engine, window)
    named = {name: [checks.wildcards(text) for text in each or ("",) * length] for name, each in lists.items()}
    step_ns = checks.buckets(within, "auto", checks.checked_int("slices", slices, 2, checks.MOST_BUCKETS)).step_ns
    parameters = {"group": checks.text("group", group), "step_ns": step_ns, "shares": shares, **named}
    found = engine.analyse("functions/trends", within, parameters)
    found.attrs["step_ns"] = step_ns
    return found


def list_(engine: Engine, window: Window, *, group: str | None = None) -> DataFrame:
    """All functions that were called, however many: calls, errors, P95 and total time, most time first."""
    parameters = {"group": checks.text("group", group)}
    packed = engine.analyse("functions/list", checks.clipped(engine, window), parameters)
    columns = {name: packed[name].iloc[0] for name in packed.columns}
    columns = {name: [] if column is None else column for name, column in columns.items()}
    found = DataFrame(columns).rename(columns={"functions": "function", "process_groups": "process_group"})
    found = found.astype({"function": "object", "process_group": "object", "calls": "int64", "errors": "int64"})
    found = found.astype({"p95_ms": "float64", "total_ms": "float64"})
    found = found.sort_values(["total_ms", "function"], ascending=[False, True], ignore_index=True)
    found.attrs = dict(packed.attrs)
    return found


def names(
    engine: Engine, window: Window, *, group: str | None = None, search: str | None = None, limit: int = 50
) -> DataFrame:
    """The functions whose name holds `search` (whatever its case), most called first, at most `limit` of them."""
    limit = checks.checked_int("limit", limit, 1, 9_999)
    parameters = {"group": checks.text("group", group), "search": checks.text("search", search), "size": limit + 1}
    found = engine.analyse("functions/names", checks.clipped(engine, window), parameters)
    shown = found.head(limit).copy()
    shown.attrs = found.attrs | {"truncated": len(found) > limit}
    return shown

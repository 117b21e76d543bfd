"""Calls, errors and durations by function: totals, history, trends and changes."""

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

    Percentiles are linear, as numpy's; those of more than a million rows in an archive differ by at most 1 %, unless
    `exact`. Calls without a duration count as calls, but not in the durations. Self time excludes the time of children
    that started in the window. `by="data"` groups by span name only. `function` limits the answer to one function,
    which is cheaper.
    """
    checks.choice("by", by, ("function", "data"))
    # Children of other groups belong to their parents' self time: the group is applied inside the question.
    parameters = {
        "in_group": checks.text("group", group),
        "function": checks.text("function", function),
        "by_data": by == "data",
    }
    answer = engine.analyse("functions/performance", checks.clipped(engine, window), parameters, exact=exact)
    return answer.rename(columns={"function": by})


def changes(engine: Engine, window: Window, *, group: str | None = None, exact: bool = False) -> DataFrame:
    """Each function's calls, errors and P95 in the window and in the same length of time before, most time first.

    `change` is P95 now divided by P95 before. `notable` says whether the change is significant: without a change, 5 %
    of the calls now are slower than the P95 before (`slower`), and 5 % of the calls before are slower than the P95 now
    (`slower_before`). It is True if one of the shares is more than `significance.NOTABLE` standard errors above that,
    and both windows have at least `significance.ENOUGH` calls with a duration. The percentiles of more than a million
    rows in an archive differ by at most 1 %, unless `exact`; the counts of slower calls are then estimates.
    """
    before = window.before()
    parameters = {"group": checks.text("group", group), "split_ns": window.from_ns}
    both = checks.clipped(engine, Window(before.from_ns, window.to_ns))
    answer = engine.analyse("functions/changes", both, parameters, exact=exact)
    attrs = dict(answer.attrs)
    answer = answer[answer["calls"] > 0].reset_index(drop=True)
    answer["change"] = answer["p95_ms"] / answer["p95_before_ms"]
    counts = (answer[name] for name in ("timed", "slower", "timed_before", "slower_before"))
    answer["notable"] = significance.share_differs(*counts, share=_SLOWER)
    answer.attrs = attrs
    return answer


def history(
    engine: Engine,
    window: Window,
    *,
    group: str | None = None,
    function: str | None = None,
    bucket: str = "auto",
    exact: bool = False,
) -> DataFrame:
    """Calls, errors and percentiles of one function (or all) per slice of time, at most 300 slices.

    A slice without calls has 0 calls and no percentiles; `bucket` is as in overview.throughput. Percentiles of more
    than a million rows in an archive differ by at most 1 %, unless `exact`.
    """
    within = checks.clipped(engine, window)
    parameters = {"group": checks.text("group", group), "function": checks.text("function", function)}
    slices = checks.buckets(within, bucket)
    return engine.analyse("functions/history", within, {**parameters, **slices.parameters}, exact=exact)


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
    exact: bool = False,
) -> DataFrame:
    """Calls, errors and percentiles of several selections of calls per slice of time, at most `slices` slices.

    The four lists have one item per selection: its process, group, data and function, as a name or a pattern with `*`
    and `?`. An empty text or an empty list matches all. `part` is the index of the selection. Slices without calls are
    left out. `percentiles_ns` has for each slice the requested percentiles, in their order; `attrs["step_ns"]` is the
    length of a slice. Percentiles of more than a million rows in an archive differ by at most 1 %, unless `exact` or a
    process is given.

    Raises:
        BadParameter: lists that are not empty differ in length, or a percentile is not from 0 to 100.
    """
    lists = {"processes": processes, "groups": groups, "names": names, "functions": functions}
    length = max(map(len, lists.values()))
    if any(len(values) not in (0, length) for values in lists.values()):
        raise BadParameter(
            "The lists of processes, groups, names and functions differ in length.",
            "Give one item per selection, or no list.",
        )
    shares = [float(percentile) / 100 for percentile in percentiles]
    if not shares or not all(0 <= share <= 1 for share in shares):
        raise BadParameter("A percentile is not from 0 to 100.", "Choose numbers from 0 to 100, for example 95.")
    within = checks.clipped(engine, window)
    named = {name: [checks.wildcards(text) for text in values or ("",) * length] for name, values in lists.items()}
    step_ns = checks.buckets(within, "auto", checks.checked_int("slices", slices, 2, checks.MOST_BUCKETS)).step_ns
    parameters = {"group": checks.text("group", group), "step_ns": step_ns, "shares": shares, **named}
    answer = engine.analyse("functions/trends", within, parameters, exact=exact)
    answer.attrs["step_ns"] = step_ns
    return answer


def list_(engine: Engine, window: Window, *, group: str | None = None, exact: bool = False) -> DataFrame:
    """All functions that were called, without a limit: calls, errors, P95 and total time, most time first.

    P95 of more than a million rows in an archive differs by at most 1 %, unless `exact`.
    """
    parameters = {"group": checks.text("group", group)}
    packed = engine.analyse("functions/list", checks.clipped(engine, window), parameters, exact=exact)
    columns = {name: packed[name].iloc[0] for name in packed.columns}
    columns = {name: [] if column is None else column for name, column in columns.items()}
    answer = DataFrame(columns).rename(columns={"functions": "function", "process_groups": "process_group"})
    answer = answer.astype({"function": "object", "process_group": "object", "calls": "int64", "errors": "int64"})
    answer = answer.astype({"p95_ms": "float64", "total_ms": "float64"})
    answer = answer.sort_values(["total_ms", "function"], ascending=[False, True], ignore_index=True)
    answer.attrs = dict(packed.attrs)
    return answer


def names(
    engine: Engine, window: Window, *, group: str | None = None, search: str | None = None, limit: int = 50
) -> DataFrame:
    """The functions with `search` in their name (ignoring case), most calls first, at most `limit` functions."""
    limit = checks.checked_int("limit", limit, 1, 9_999)
    parameters = {"group": checks.text("group", group), "search": checks.text("search", search), "size": limit + 1}
    answer = engine.analyse("functions/names", checks.clipped(engine, window), parameters)
    first = answer.head(limit).copy()
    first.attrs = answer.attrs | {"truncated": len(answer) > limit}
    return first

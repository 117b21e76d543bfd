"""The row of figures at the top of the Overview: each with its course over the window and the change before it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from pandas import DataFrame, Series

from obs_core.errors import ObsError
from obs_core.query.questions import functions, overview, values, writers
from obs_core.ui.kit import formatting, stat_card
from obs_core.ui.kit.stat_card import StatCard
from obs_core.ui.series.silence import _silent
from obs_core.ui.shell import rule_suggestions
from obs_core.ui.shell.answers import Question, ask, derived
from obs_core.ui.shell.scope import PageScope

FULL: Final = 0.8  # of a queue's capacity
STATES: Final = ("OK", "DELAYED", "CIRCUIT_OPEN", "GONE")  # from best to worst


def needed(scope: PageScope) -> list[tuple[Question, PageScope]]:
    """What the Overview asks, the figures' questions first and the heaviest last."""
    before = replace(scope, window=scope.window.before())
    questions = (functions.history, values.streaks, overview.processes, overview.groups, functions.changes)
    return [(overview.summary, scope), (overview.summary, before), *((question, scope) for question in questions)]


def cards(scope: PageScope) -> None:
    """Draw the figures; one that can't be answered says so in its place."""
    before = replace(scope, window=scope.window.before())
    sources: dict[str, Callable[[], DataFrame]] = {
        "now": lambda: ask(overview.summary, scope),
        "before": lambda: ask(overview.summary, before),
        "slices": lambda: ask(functions.history, scope),
        "writers": lambda: ask(writers.status, scope),
        "streaks": lambda: ask(values.streaks, scope),
        "processes": lambda: ask(overview.processes, scope),
    }
    stat_card.row([_figure(label, *one, sources=sources, until=scope.window.to_ns) for label, one in _FIGURES.items()])


def error_suggestions(scope: PageScope) -> list[rule_suggestions.RuleSuggestion]:
    """Rules on how often calls fail and how many there are, with limits from the window's figures."""
    rate = formatting.number(ask(overview.summary, scope)["error_rate"].iloc[0])
    return [rule_suggestions.error_rate(scope, rate), rule_suggestions.throughput(scope)]


def latency_suggestions(scope: PageScope) -> list[rule_suggestions.RuleSuggestion]:
    """A rule on how long calls take, with a limit from the window's P95."""
    return rule_suggestions.latency(scope, formatting.number(ask(overview.summary, scope)["p95_ms"].iloc[0]))


def suggestions(scope: PageScope) -> list[rule_suggestions.RuleSuggestion]:
    """A rule for each figure; that of stale values is for the one that has repeated most often."""
    stuck = derived(_longest, ask(values.streaks, scope))
    return [
        *error_suggestions(scope),
        *latency_suggestions(scope),
        rule_suggestions.stale(*stuck),
        rule_suggestions.writer(),
    ]


def _longest(streaks: DataFrame) -> tuple[str, str]:
    """Process and name of the value that repeats the longest now; empty texts where none does."""
    going = streaks[streaks["ongoing"]]
    if going.empty:
        return "", ""
    row = going.iloc[int(going["length"].to_numpy().argmax())]
    return str(row["process"]), str(row["data"])


def _figure(
    label: str,
    build: Callable[..., StatCard],
    needs: tuple[str, ...],
    *,
    sources: dict[str, Callable[[], DataFrame]],
    until: int,
) -> str:
    """One card as HTML, with what failed said in its place."""
    try:
        answers = [sources[name]() for name in needs]
        given: dict[str, int] = {"until": until} if build is _stale else {}
        return derived(_drawn, *answers, kind=build, **given)
    except ObsError as error:
        return stat_card.card_html(StatCard(label, formatting.NOT_MEASURED, error.message, hover=error.hint, bad=True))


def _drawn(*answers: DataFrame, kind: Callable[..., StatCard], **given: object) -> str:
    return stat_card.card_html(kind(*answers, **given))


def _error_rate(now_: DataFrame, before_: DataFrame, slices: DataFrame) -> StatCard:
    now, before = _row(now_), _row(before_)
    new, old = formatting.number(now["error_rate"]), formatting.number(before["error_rate"])
    return StatCard(
        "Error rate",
        formatting.share(new),
        f"{formatting.count(now['errors'])} of {formatting.count(now['calls'])} calls",
        change=_points(new, old),
        worse=_points(new, old).startswith("+") and _points(new, old) != _points(0, 0),
        trend=list((slices["errors"] / slices["calls"]).fillna(0.0)),
        bad=bool(new),
        hover="Calls whose status is ERROR, of all calls of the window, at every depth of their traces.",
    )


def _throughput(now_: DataFrame, before_: DataFrame, slices: DataFrame) -> StatCard:
    now, before = _row(now_), _row(before_)
    new = formatting.number(now["calls_per_s"])
    return StatCard(
        "Throughput",
        f"{formatting.rate(new)} calls/s",
        f"{formatting.rate(formatting.number(now['traces_per_s']))} traces/s",
        change=_relative(new, formatting.number(before["calls_per_s"])),
        trend=list(slices["calls"]),
        hover="All calls that began in the window, per second within the log.",
    )


def _latency(now_: DataFrame, before_: DataFrame, slices: DataFrame) -> StatCard:
    now, before = _row(now_), _row(before_)
    p50, p95, p99 = (formatting.number(now[name]) for name in ("p50_ms", "p95_ms", "p99_ms"))
    old = formatting.number(before["p95_ms"])
    approximate = "Approximate, within 1 %" if now_.attrs.get("approximate") else "Exact"
    return StatCard(
        "Latency P95",
        ("≈ " if now_.attrs.get("approximate") else "") + formatting.duration(p95),
        f"P50 {formatting.duration(p50)} · P99 {formatting.duration(p99)}",
        change=_relative(p95, old),
        worse=_relative(p95, old).startswith("+") and _relative(p95, old) != "+0 %",
        trend=list(_numbers(slices["p95_ms"])),
        hover=f"95 % of all calls took no longer. {approximate}, over all calls of the window that were timed.",
    )


def _writers(found: DataFrame) -> StatCard:
    worst = max(found["state"], key=STATES.index, default=formatting.NOT_MEASURED)
    dropped, recovered = int(found["dropped"].sum()), int(found["recovered"].sum())
    notes = [f"{formatting.count(len(found))} at work" if len(found) else "none at work"]
    notes += [f"{formatting.count(dropped)} rows dropped"] if dropped else []
    notes += [f"{formatting.count(recovered)} recovered"] if recovered else []
    bad = bool(dropped) or worst not in ("OK", formatting.NOT_MEASURED)
    return StatCard("Writers", worst, " · ".join(notes), bad=bad, hover=_each(found))


def _queue(found: DataFrame) -> StatCard:
    queue, capacity = int(found["queue"].sum()), int(found["capacity"].sum())
    if found.empty:
        return StatCard("Queue", formatting.NOT_MEASURED, "no writer at work")
    return StatCard(
        "Queue",
        formatting.count(queue),
        f"of {formatting.count(capacity)} rows",
        bad=queue > FULL * capacity,
        hover="Rows that programs have handed over and that are not in the log yet.",
    )


def _stale(found: DataFrame, wrote: DataFrame, *, until: int) -> StatCard:
    stuck = found[found["ongoing"]]
    silent = _silent(wrote, until)
    longest = f"longest {formatting.count(stuck['length'].max())} readings" if len(stuck) else "every value changes"
    return StatCard(
        "Stale values",
        formatting.count(len(stuck)),
        longest + (f" · {formatting.count(len(silent))} silent" if silent else ""),
        bad=bool(len(stuck) or silent),
        hover="Values whose newest readings, six or more, are equal."
        + (f" Nothing from these processes for 5 minutes: {', '.join(silent[:20])}." if silent else ""),
        tone="stale",
    )


_FIGURES: Final[dict[str, tuple[Callable[..., StatCard], tuple[str, ...]]]] = {
    "Error rate": (_error_rate, ("now", "before", "slices")),
    "Throughput": (_throughput, ("now", "before", "slices")),
    "Latency P95": (_latency, ("now", "before", "slices")),
    "Writers": (_writers, ("writers",)),
    "Queue": (_queue, ("writers",)),
    "Stale values": (_stale, ("streaks", "processes")),
}
"""What makes each card, and of which answers."""


def _row(found: DataFrame) -> dict[str, Any]:
    """The one row of a summary."""
    return {str(name): found[name].iloc[0] for name in found.columns}


def _points(new: float | None, old: float | None) -> str:
    """The change of a share in percent points."""
    return "" if new is None or old is None else f"{(round((new - old) * 100, 2) or 0.0):+.2f} points"


def _relative(new: float | None, old: float | None) -> str:
    return f"{(round((new - old) / old * 100) or 0):+,d} %" if new is not None and old else ""


def _numbers(column: "Series[Any]") -> "list[float | None]":
    return [formatting.number(cell) for cell in column]


def _each(found: DataFrame) -> str:
    """Each writer in a line."""
    if found.empty:
        return "Programs that write into this log appear here while they run."
    return "\n".join(
        f"{row['process']} (pid {row['pid']}): {row['state']}, queue {formatting.count(row['queue'])}, "
        f"written {formatting.count(row['written'])}, dropped {formatting.count(row['dropped'])}, "
        f"recovered {formatting.count(row['recovered'])}"
        + (f", last error: {row['last_error']}" if row["last_error"] else "")
        for row in found.head(20).to_dict("records")
    )

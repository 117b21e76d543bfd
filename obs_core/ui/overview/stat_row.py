"""The row of stat cards at the top of the Overview: each with its trend and its change against the window before."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from pandas import DataFrame, Series

from obs_core.errors import ObsError
from obs_core.query.questions import functions, overview, values, writers
from obs_core.ui.kit import formatting, stat_card
from obs_core.ui.kit.stat_card import StatCard
from obs_core.ui.series import stale
from obs_core.ui.series.silence import silent_names
from obs_core.ui.shell import rule_suggestions
from obs_core.ui.shell.answers import ask, derived
from obs_core.ui.shell.panel import retry_button
from obs_core.ui.shell.scope import PageScope
from obs_core.ui.shell.state_badges import WRITERS

FULL: Final = 0.8  # of a queue's capacity


def stat_row(scope: PageScope) -> None:
    """Draw the stat cards; a card that can't be answered shows the error instead."""
    before = replace(scope, window=scope.window.before())
    sources: dict[str, Callable[[], DataFrame]] = {
        "now": lambda: ask(overview.summary, scope),
        "before": lambda: ask(overview.summary, before),
        "slices": lambda: ask(functions.history, scope),
        "writers": lambda: ask(writers.status, scope),
        "streaks": lambda: _stale_streaks(scope),
        "processes": lambda: ask(overview.processes, scope),
    }
    quiet = _WRITER_CARDS if writers_line(scope) else ()
    cards = {label: parts for label, parts in _CARDS.items() if label not in quiet}
    failed: list[str] = []
    stat_card.row(
        [
            _card(label, *parts, sources=sources, end_ns=scope.window.to_ns, failed=failed)
            for label, parts in cards.items()
        ]
    )
    if failed:
        retry_button(", ".join(failed))


def writers_line(scope: PageScope) -> str:
    """Return writers and their queue in a few words; empty if they need cards: something is wrong with them."""
    try:
        status = ask(writers.status, scope)
    except ObsError:
        return ""
    if status.empty:
        return "No writers running"
    cards = (_writers(status), _queue(status))
    if any(card.bad for card in cards):
        return ""
    return f"Writers {cards[0].value}, {cards[0].note} · queue {cards[1].value} {cards[1].note}"


def error_suggestions(scope: PageScope) -> list[rule_suggestions.RuleSuggestion]:
    """Suggest rules on the error rate and the throughput, with limits from the values of the window."""
    rate = formatting.number(ask(overview.summary, scope)["error_rate"].iloc[0])
    return [rule_suggestions.error_rate(scope, rate), rule_suggestions.throughput(scope)]


def latency_suggestions(scope: PageScope) -> list[rule_suggestions.RuleSuggestion]:
    """Suggest a rule on the latency, with a limit from the P95 of the window."""
    return rule_suggestions.latency(scope, formatting.number(ask(overview.summary, scope)["p95_ms"].iloc[0]))


def stat_suggestions(scope: PageScope) -> list[rule_suggestions.RuleSuggestion]:
    """Suggest a rule for each card; for stale values, on the one with the longest streak."""
    stuck = derived(_longest, _stale_streaks(scope))
    return [
        *error_suggestions(scope),
        *latency_suggestions(scope),
        rule_suggestions.stale(*stuck),
        rule_suggestions.writer(),
    ]


def _stale_streaks(scope: PageScope) -> DataFrame:
    return stale.split(scope, ask(values.streaks, scope)).stale


def _longest(streaks: DataFrame) -> tuple[str, str]:
    """Process and name of the value with the longest ongoing streak; empty texts if there is none."""
    ongoing = streaks[streaks["ongoing"]]
    if ongoing.empty:
        return "", ""
    row = ongoing.iloc[int(ongoing["length"].to_numpy().argmax())]
    return str(row["process"]), str(row["data"])


def _card(
    label: str,
    build: Callable[..., StatCard],
    needs: tuple[str, ...],
    *,
    sources: dict[str, Callable[[], DataFrame]],
    end_ns: int,
    failed: list[str],
) -> str:
    """One card as HTML; if a question failed, the card shows the error and is added to `failed`."""
    try:
        answers = [sources[name]() for name in needs]
        given: dict[str, int] = {"end_ns": end_ns} if build is _stale else {}
        return derived(_html, *answers, kind=build, **given)
    except ObsError as error:
        failed.append(label)
        return stat_card.card_html(StatCard(label, formatting.NOT_MEASURED, error.message, hover=error.hint, bad=True))


def _html(*answers: DataFrame, kind: Callable[..., StatCard], **given: object) -> str:
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
        hover="The share of calls with status ERROR among all calls in the window, at every depth of their traces.",
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
        hover="Calls that started in the window, per second covered by the log.",
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
        worse=_relative(p95, old).startswith(("+", formatting.TIMES)) and _relative(p95, old) != "+0 %",
        trend=list(_numbers(slices["p95_ms"])),
        hover=f"95 % of calls were at least this fast. {approximate}, over all timed calls in the window.",
    )


def _writers(writers_: DataFrame) -> StatCard:
    worst = max(writers_["state"], key=list(WRITERS).index, default=formatting.NOT_MEASURED)
    dropped, recovered = int(writers_["dropped"].sum()), int(writers_["recovered"].sum())
    notes = [f"{formatting.count(len(writers_))} running" if len(writers_) else "none running"]
    notes += [f"{formatting.count(dropped)} rows dropped"] if dropped else []
    notes += [f"{formatting.count(recovered)} recovered"] if recovered else []
    bad = bool(dropped) or worst not in ("OK", formatting.NOT_MEASURED)
    return StatCard("Writers", worst, " · ".join(notes), bad=bad, hover=_writer_lines(writers_))


def _queue(writers_: DataFrame) -> StatCard:
    queue, capacity = int(writers_["queue"].sum()), int(writers_["capacity"].sum())
    if writers_.empty:
        return StatCard("Queue", formatting.NOT_MEASURED, "no writers running")
    return StatCard(
        "Queue",
        formatting.count(queue),
        f"of {formatting.count(capacity)} rows",
        bad=queue > FULL * capacity,
        hover="Rows queued in writers, not yet in the log.",
    )


def _stale(streaks: DataFrame, processes: DataFrame, *, end_ns: int) -> StatCard:
    stuck = streaks[streaks["ongoing"]]
    silent = silent_names(processes, end_ns)
    longest = f"longest {formatting.count(stuck['length'].max())} readings" if len(stuck) else "no stale values"
    return StatCard(
        "Stale values",
        formatting.count(len(stuck)),
        longest + (f" · {formatting.count(len(silent))} silent" if silent else ""),
        bad=bool(len(stuck) or silent),
        hover=f"Values with at least 6 equal readings at the end. {stale.HELP}"
        + (f" No rows from these processes for 5 minutes: {', '.join(silent[:20])}." if silent else ""),
        tone="stale",
    )


_CARDS: Final[dict[str, tuple[Callable[..., StatCard], tuple[str, ...]]]] = {
    "Error rate": (_error_rate, ("now", "before", "slices")),
    "Throughput": (_throughput, ("now", "before", "slices")),
    "Latency P95": (_latency, ("now", "before", "slices")),
    "Writers": (_writers, ("writers",)),
    "Queue": (_queue, ("writers",)),
    "Stale values": (_stale, ("streaks", "processes")),
}
"""The function that builds each card, and the answers that it needs."""

_WRITER_CARDS: Final = ("Writers", "Queue")


def _row(summary: DataFrame) -> dict[str, Any]:
    """The one row of a summary."""
    return {str(name): summary[name].iloc[0] for name in summary.columns}


def _points(new: float | None, old: float | None) -> str:
    """The change of a share in percentage points."""
    return "" if new is None or old is None else f"{(round((new - old) * 100, 2) or 0.0):+.2f} points"


def _relative(new: float | None, old: float | None) -> str:
    return formatting.change(new / old) if new is not None and old else ""


def _numbers(column: "Series[Any]") -> "list[float | None]":
    return [formatting.number(cell) for cell in column]


def _writer_lines(writers_: DataFrame) -> str:
    """One line per writer."""
    if writers_.empty:
        return "Writers appear here while their programs run."
    return "\n".join(
        f"{row['process']} (pid {row['pid']}): {row['state']}, queue {formatting.count(row['queue'])}, "
        f"written {formatting.count(row['written'])}, dropped {formatting.count(row['dropped'])}, "
        f"recovered {formatting.count(row['recovered'])}"
        + (f", last error: {row['last_error']}" if row["last_error"] else "")
        for row in writers_.head(20).to_dict("records")
    )

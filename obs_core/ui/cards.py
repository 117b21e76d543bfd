"""The row of figures at the top of the Overview: each with its course over the window and the change before it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from pandas import DataFrame, Series

from obs_core.clock import MINUTE
from obs_core.errors import ObsError
from obs_core.query import functions, overview, values, writers
from obs_core.ui import figure, frame
from obs_core.ui.ask import ask
from obs_core.ui.controls import Chosen
from obs_core.ui.figure import Figure

SILENT_AFTER_NS: Final = 5 * MINUTE
FULL: Final = 0.8  # of a queue's capacity
STATES: Final = ("OK", "DELAYED", "CIRCUIT_OPEN", "GONE")  # from best to worst


def cards(chosen: Chosen) -> None:
    """Draw the figures; one that can't be answered says so in its place."""
    asked: dict[str, Callable[[Chosen], Figure]] = {
        "Error rate": _error_rate,
        "Throughput": _throughput,
        "Latency P95": _latency,
        "Writers": _writers,
        "Queue": _queue,
        "Stale values": _stale,
    }
    figure.row([_figure(label, one, chosen) for label, one in asked.items()])


def _figure(label: str, one: Callable[[Chosen], Figure], chosen: Chosen) -> Figure:
    try:
        return one(chosen)
    except ObsError as error:
        return Figure(label, frame.NOT_MEASURED, error.message, hover=error.hint, bad=True)


def _error_rate(chosen: Chosen) -> Figure:
    now, before = _now_and_before(chosen)
    new, old = frame.number(now["error_rate"]), frame.number(before["error_rate"])
    slices = ask(functions.history, chosen)
    return Figure(
        "Error rate",
        frame.share(new),
        f"{frame.count(now['errors'])} of {frame.count(now['calls'])} calls",
        change="" if new is None or old is None else f"{(new - old) * 100:+.2f} points",
        worse=new is not None and old is not None and new > old,
        course=list((slices["errors"] / slices["calls"]).fillna(0.0)),
        bad=bool(new),
        hover="Calls whose status is ERROR, of all calls of the window.",
    )


def _throughput(chosen: Chosen) -> Figure:
    now, before = _now_and_before(chosen)
    new = frame.number(now["calls_per_s"])
    return Figure(
        "Throughput",
        f"{frame.rate(new)} calls/s",
        f"{frame.rate(frame.number(now['traces_per_s']))} traces/s",
        change=_relative(new, frame.number(before["calls_per_s"])),
        course=list(ask(functions.history, chosen)["calls"]),
        hover="All calls that began in the window, per second within the log.",
    )


def _latency(chosen: Chosen) -> Figure:
    now, before = _now_and_before(chosen)
    p50, p95, p99 = (frame.number(now[name]) for name in ("p50_ms", "p95_ms", "p99_ms"))
    old = frame.number(before["p95_ms"])
    return Figure(
        "Latency P95",
        frame.duration(p95),
        f"P50 {frame.duration(p50)} · P99 {frame.duration(p99)}",
        change=_relative(p95, old),
        worse=p95 is not None and old is not None and p95 > old,
        course=list(_numbers(ask(functions.history, chosen)["p95_ms"])),
        hover="95 % of all calls took no longer. Exact, over all calls of the window that were timed.",
    )


def _writers(chosen: Chosen) -> Figure:
    found = ask(writers.status, chosen)
    worst = max(found["state"], key=STATES.index, default=frame.NOT_MEASURED)
    dropped, recovered = int(found["dropped"].sum()), int(found["recovered"].sum())
    notes = [f"{frame.count(len(found))} at work" if len(found) else "none at work"]
    notes += [f"{frame.count(dropped)} rows dropped"] if dropped else []
    notes += [f"{frame.count(recovered)} recovered"] if recovered else []
    bad = bool(dropped) or worst not in ("OK", frame.NOT_MEASURED)
    return Figure("Writers", worst, " · ".join(notes), bad=bad, hover=_each(found))


def _queue(chosen: Chosen) -> Figure:
    found = ask(writers.status, chosen)
    queue, capacity = int(found["queue"].sum()), int(found["capacity"].sum())
    if found.empty:
        return Figure("Queue", frame.NOT_MEASURED, "no writer at work")
    return Figure(
        "Queue",
        frame.count(queue),
        f"of {frame.count(capacity)} rows",
        bad=queue > FULL * capacity,
        hover="Rows that programs have handed over and that are not in the log yet.",
    )


def _stale(chosen: Chosen) -> Figure:
    found = ask(values.streaks, chosen)
    stuck = found[found["ongoing"]]
    silent = silent_processes(chosen)
    longest = f"longest {frame.count(stuck['length'].max())} readings" if len(stuck) else "every value changes"
    return Figure(
        "Stale values",
        frame.count(len(stuck)),
        longest + (f" · {frame.count(len(silent))} silent" if silent else ""),
        bad=bool(len(stuck) or silent),
        hover="Values whose newest readings, six or more, are equal."
        + (f" Nothing from these processes for 5 minutes: {', '.join(silent[:20])}." if silent else ""),
        tone="stale",
    )


def silent_processes(chosen: Chosen) -> list[str]:
    """The processes of the window that wrote nothing in the last 5 minutes before its end, or before the newest row."""
    found = ask(overview.processes, chosen)
    if found.empty:
        return []
    latest = min(chosen.window.to_ns, int(found["last_ns"].max()))
    return sorted(str(name) for name in found.loc[found["last_ns"] < latest - SILENT_AFTER_NS, "process"])


def _now_and_before(chosen: Chosen) -> tuple[dict[Any, Any], dict[Any, Any]]:
    """The window's summary, and that of the window of the same length before it."""
    before = replace(chosen, window=chosen.window.before())
    now, then = ask(overview.summary, chosen), ask(overview.summary, before)
    return dict(now.iloc[0]), dict(then.iloc[0])


def _relative(new: float | None, old: float | None) -> str:
    return f"{(new - old) / old * 100:+,.0f} %" if new is not None and old else ""


def _numbers(column: "Series[Any]") -> "list[float | None]":
    return [frame.number(cell) for cell in column]


def _each(found: DataFrame) -> str:
    """Each writer in a line."""
    if found.empty:
        return "Programs that write into this log appear here while they run."
    return "\n".join(
        f"{row['process']} (pid {row['pid']}): {row['state']}, queue {frame.count(row['queue'])}, "
        f"written {frame.count(row['written'])}, dropped {frame.count(row['dropped'])}, "
        f"recovered {frame.count(row['recovered'])}"
        + (f", last error: {row['last_error']}" if row["last_error"] else "")
        for row in found.head(20).to_dict("records")
    )

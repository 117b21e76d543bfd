"""The states of an alert as a pure state machine: Prometheus' rules, and what is there when there is no data.

As in Prometheus (rules/alerting.go): a condition that holds makes an alert pending, after `for` firing; when it ends, a
pending alert is dropped, a firing one resolves, after `keep_firing_for` if that is set; resolved is kept 15 minutes.
Time comes as moments of judged time (nanoseconds), so the steps in which it is told change nothing.
"""

import json
from typing import Final, Literal, NamedTuple

from obs_core.clock import MINUTE, SECOND

AlertState = Literal["inactive", "pending", "firing", "resolved", "no data"]
ShownState = Literal["inactive", "pending", "firing", "resolved", "no data", "flapping", "snoozed"]
RETENTION_NS: Final = 15 * MINUTE
CROSSINGS: Final = frozenset({"firing", "resolved"})
MOST_CROSSINGS: Final = 16


class Timing(NamedTuple):
    """The periods of a rule, in nanoseconds, and what it does without data."""

    for_ns: int = 0
    keep_ns: int = 0
    no_data: Literal["ok", "keep", "alert"] = "keep"
    no_data_ns: int = 0
    flap_count: int = 3
    flap_ns: int = 100 * SECOND


class Transition(NamedTuple):
    """A change of state; it fired from `starts_ns` to `ends_ns`."""

    state_from: AlertState | Literal["flapping"]
    state_to: AlertState | Literal["flapping"]
    moment_ns: int
    starts_ns: int | None
    ends_ns: int | None
    while_flapping: bool = False


class Alert(NamedTuple):
    """Where an alert stands: since when, and since when its condition holds, has ended or can't be told.

    `condition` is what was last said of it, None where there was nothing to judge. `crossings` are the last moments at
    which it began or ceased to fire, `flaps_ns` since when it has been flapping (see `flapping`).
    """

    state: AlertState = "inactive"
    since_ns: int = 0
    condition: bool | None = False
    active_ns: int | None = None
    ending_ns: int | None = None
    unknown_ns: int | None = None
    starts_ns: int | None = None
    crossings: tuple[int, ...] = ()
    flaps_ns: int | None = None


Step = tuple[Alert, tuple[Transition, ...]]


def observe(alert: Alert, timing: Timing, moment_ns: int, condition: bool | None) -> Step:  # noqa: FBT001 - the fact that is told
    """From this moment on the condition holds, does not hold, or can't be told."""
    now = max(moment_ns, alert.since_ns)
    more: tuple[Transition, ...] = ()
    alert, turns = _until(alert, timing, now - 1)  # at the moment itself what is told comes first, as in Prometheus
    if condition is None:
        unknown = alert.unknown_ns if alert.condition is None else now
        alert = alert._replace(condition=None, unknown_ns=unknown)
    elif condition:
        alert, more = _holds(alert._replace(condition=True, unknown_ns=None), now)
    else:
        alert, more = _ends(alert._replace(condition=False, unknown_ns=None), timing, now)
    after, later = _until(alert, timing, now)
    return after, _joined((*turns, *more, *later))


def advance_to(alert: Alert, timing: Timing, until_ns: int) -> Step:
    """Time has gone on to `until_ns` without news."""
    return _until(alert, timing, until_ns)


def deadline_ns(alert: Alert, timing: Timing) -> int | None:
    """When the alert changes if nothing is told until then; None: never."""
    if alert.unknown_ns is not None and timing.no_data != "keep" and alert.state != "no data":
        return alert.unknown_ns + timing.no_data_ns
    if alert.state == "pending" and alert.active_ns is not None and alert.condition:
        return alert.active_ns + timing.for_ns
    if alert.state == "firing" and alert.ending_ns is not None:
        return alert.ending_ns + timing.keep_ns
    if alert.state == "resolved":
        return alert.since_ns + RETENTION_NS + 1
    return None


def with_crossing(crossings: tuple[int, ...], moment_ns: int) -> tuple[int, ...]:
    """The last crossings, this one too."""
    return (*crossings, moment_ns)[-MOST_CROSSINGS:]


def is_flapping(alert: Alert, count: int, window_ns: int, now_ns: int) -> bool:
    """Whether it began or ceased to fire at least `count` times within the last `window_ns`."""
    return sum(now_ns - window_ns < moment <= now_ns for moment in alert.crossings) >= count


def text_of(alert: Alert) -> str:
    """The alert as the ledger keeps it over a restart."""
    return json.dumps(alert._asdict(), separators=(",", ":"))


def from_text(text: str) -> Alert:
    """The alert that `text_of` wrote."""
    facts = json.loads(text)
    return Alert(**{**facts, "crossings": tuple(facts["crossings"])})


def _until(alert: Alert, timing: Timing, until_ns: int) -> Step:
    turns: tuple[Transition, ...] = ()
    while (due := deadline_ns(alert, timing)) is not None and due <= until_ns:
        due = max(due, alert.since_ns)
        alert, more = _due(alert, timing, due)
        turns += more
    return alert, turns


def _due(alert: Alert, timing: Timing, now: int) -> Step:
    if alert.unknown_ns is not None and timing.no_data != "keep" and alert.state != "no data":
        if timing.no_data == "alert":
            return _turned(alert._replace(starts_ns=alert.starts_ns or now, ending_ns=None), "no data", now)
        return _ends(alert._replace(unknown_ns=None), timing, now)
    if alert.state == "pending":
        return _turned(alert._replace(starts_ns=now), "firing", now)
    if alert.state == "firing":
        return _resolved(alert, now)
    return alert._replace(state="inactive"), ()  # since it resolved: rows that come with a delay are not put off


def _holds(alert: Alert, now: int) -> Step:
    if alert.state == "firing":
        return alert._replace(ending_ns=None), ()
    if alert.state == "pending":
        return alert, ()
    return _turned(alert._replace(active_ns=now, ending_ns=None, starts_ns=None), "pending", now)


def _ends(alert: Alert, timing: Timing, now: int) -> Step:
    if alert.state == "pending":
        return _turned(alert._replace(active_ns=None), "inactive", now)
    if alert.state == "no data":
        return _resolved(alert, now)
    if alert.state == "firing":
        if timing.keep_ns == 0:
            return _resolved(alert, now)
        return alert._replace(ending_ns=now if alert.ending_ns is None else alert.ending_ns), ()
    return alert, ()


def _resolved(alert: Alert, now: int) -> Step:
    after, (turn,) = _turned(alert._replace(active_ns=None, ending_ns=None), "resolved", now)
    return after._replace(starts_ns=None), (turn._replace(ends_ns=now),)


def _turned(alert: Alert, state: AlertState, now: int) -> Step:
    crossings = with_crossing(alert.crossings, now) if state in CROSSINGS else alert.crossings
    turn = Transition(alert.state, state, now, alert.starts_ns, None)
    return alert._replace(state=state, since_ns=now, crossings=crossings), (turn,)


def _joined(turns: tuple[Transition, ...]) -> tuple[Transition, ...]:
    """A pending that fires at the same moment (no `for`) is one turn."""
    if len(turns) > 1 and turns[-2].state_to == "pending" and turns[-1].state_from == "pending":
        last, before = turns[-1], turns[-2]
        if last.moment_ns == before.moment_ns:
            return (*turns[:-2], last._replace(state_from=before.state_from))
    return turns

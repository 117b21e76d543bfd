"""The states of one alert as a pure state machine: Prometheus' rules, extended by a state for missing data.

As in Prometheus (rules/alerting.go): a condition that is true makes an alert pending, and after `for` firing. When the
condition ends, a pending alert is dropped and a firing one resolves, after `keep_firing_for` if that is set. A resolved
alert is retained for 15 minutes. Times are timestamps of evaluated time (nanoseconds), so the result does not depend on
how often the machine is called.
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
    """The periods of a rule, in nanoseconds, and its policy on missing data."""

    for_ns: int = 0
    keep_ns: int = 0
    no_data: Literal["ok", "keep", "alert"] = "keep"
    no_data_ns: int = 0
    flap_count: int = 3
    flap_ns: int = 100 * SECOND


class Transition(NamedTuple):
    """One transition of the machine; the alert fired from `starts_ns` to `ends_ns`.

    `ledger.AlertTransition` is the same fact together with its alert, as it is recorded and delivered.
    """

    state_from: AlertState | Literal["flapping"]
    state_to: AlertState | Literal["flapping"]
    timestamp_ns: int
    starts_ns: int | None
    ends_ns: int | None
    while_flapping: bool = False


class Alert(NamedTuple):
    """The machine's state: the alert's state and since when, and since when its condition is true, false or unknown.

    `condition` is the last observation, None where there was nothing to evaluate. `crossings` are the latest timestamps
    at which the alert started or stopped firing, `flaps_ns` is since when it has been flapping (see `flapping`).
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


def observe(alert: Alert, timing: Timing, time_ns: int, condition: bool | None) -> Step:  # noqa: FBT001 - the observation
    """Return the next step: from `time_ns` on the condition is true, false, or unknown (None)."""
    now = max(time_ns, alert.since_ns)
    more: tuple[Transition, ...] = ()
    # as in Prometheus, an observation at `now` is applied before the deadlines at `now`
    alert, transitions = _advance(alert, timing, now - 1)
    if condition is None:
        unknown = alert.unknown_ns if alert.condition is None else now
        alert = alert._replace(condition=None, unknown_ns=unknown)
    elif condition:
        alert, more = _start(alert._replace(condition=True, unknown_ns=None), now)
    else:
        alert, more = _end(alert._replace(condition=False, unknown_ns=None), timing, now)
    after, later = _advance(alert, timing, now)
    return after, _without_instant_pending((*transitions, *more, *later))


def advance_to(alert: Alert, timing: Timing, time_ns: int) -> Step:
    """Return the next step: time has passed up to `time_ns` without a new observation."""
    return _advance(alert, timing, time_ns)


def deadline_ns(alert: Alert, timing: Timing) -> int | None:
    """When the alert changes state if nothing is observed before; None: never."""
    if alert.unknown_ns is not None and timing.no_data != "keep" and alert.state != "no data":
        return alert.unknown_ns + timing.no_data_ns
    if alert.state == "pending" and alert.active_ns is not None and alert.condition:
        return alert.active_ns + timing.for_ns
    if alert.state == "firing" and alert.ending_ns is not None:
        return alert.ending_ns + timing.keep_ns
    if alert.state == "resolved":
        return alert.since_ns + RETENTION_NS + 1
    return None


def is_active(alert: Alert) -> bool:
    """Whether the alert flaps, or fires for another reason than `keep_firing_for` alone."""
    return (
        alert.flaps_ns is not None or alert.state == "no data" or (alert.state == "firing" and alert.ending_ns is None)
    )


def with_crossing(crossings: tuple[int, ...], time_ns: int) -> tuple[int, ...]:
    """The latest crossings including the one at `time_ns`."""
    return (*crossings, time_ns)[-MOST_CROSSINGS:]


def is_flapping(alert: Alert, count: int, window_ns: int, now_ns: int) -> bool:
    """Whether the alert started or stopped firing at least `count` times within the last `window_ns`."""
    return sum(now_ns - window_ns < crossing <= now_ns for crossing in alert.crossings) >= count


def text_of(alert: Alert) -> str:
    """The alert as JSON, as the ledger stores it across restarts."""
    return json.dumps(alert._asdict(), separators=(",", ":"))


def from_text(text: str) -> Alert:
    """The alert that `text_of` wrote."""
    values = json.loads(text)
    return Alert(**{**values, "crossings": tuple(values["crossings"])})


def _advance(alert: Alert, timing: Timing, time_ns: int) -> Step:
    transitions: tuple[Transition, ...] = ()
    while (deadline := deadline_ns(alert, timing)) is not None and deadline <= time_ns:
        alert, more = _apply_deadline(alert, timing, max(deadline, alert.since_ns))
        transitions += more
    return alert, transitions


def _apply_deadline(alert: Alert, timing: Timing, now: int) -> Step:
    if alert.unknown_ns is not None and timing.no_data != "keep" and alert.state != "no data":
        if timing.no_data == "alert":
            return _enter(alert._replace(starts_ns=alert.starts_ns or now, ending_ns=None), "no data", now)
        return _end(alert._replace(unknown_ns=None), timing, now)
    if alert.state == "pending":
        return _enter(alert._replace(starts_ns=now), "firing", now)
    if alert.state == "firing":
        return _resolve(alert, now)
    return alert._replace(state="inactive"), ()  # `since_ns` stays, so that late rows are not shifted in time


def _start(alert: Alert, now: int) -> Step:
    if alert.state == "firing":
        return alert._replace(ending_ns=None), ()
    if alert.state == "pending":
        return alert, ()
    return _enter(alert._replace(active_ns=now, ending_ns=None, starts_ns=None), "pending", now)


def _end(alert: Alert, timing: Timing, now: int) -> Step:
    if alert.state == "pending":
        return _enter(alert._replace(active_ns=None), "inactive", now)
    if alert.state == "no data":
        return _resolve(alert, now)
    if alert.state == "firing":
        if timing.keep_ns == 0:
            return _resolve(alert, now)
        return alert._replace(ending_ns=now if alert.ending_ns is None else alert.ending_ns), ()
    return alert, ()


def _resolve(alert: Alert, now: int) -> Step:
    after, (transition,) = _enter(alert._replace(active_ns=None, ending_ns=None), "resolved", now)
    return after._replace(starts_ns=None), (transition._replace(ends_ns=now),)


def _enter(alert: Alert, state: AlertState, now: int) -> Step:
    crossings = with_crossing(alert.crossings, now) if state in CROSSINGS else alert.crossings
    transition = Transition(alert.state, state, now, alert.starts_ns, None)
    return alert._replace(state=state, since_ns=now, crossings=crossings), (transition,)


def _without_instant_pending(transitions: tuple[Transition, ...]) -> tuple[Transition, ...]:
    """Merge pending and firing at the same time (no `for`) into one transition."""
    if len(transitions) > 1 and transitions[-2].state_to == "pending" and transitions[-1].state_from == "pending":
        pending, last = transitions[-2:]
        if last.timestamp_ns == pending.timestamp_ns:
            return (*transitions[:-2], last._replace(state_from=pending.state_from))
    return transitions

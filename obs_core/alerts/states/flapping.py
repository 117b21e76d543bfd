"""Flap detection on top of the state machine: an alert that starts and stops firing again and again is reported once.

A *crossing* is a transition to firing or to resolved. Flapping starts with the crossing that makes `flap_count` of them
within `flap_ns`. It ends when the last `flap_ns` contain fewer. Start and end are transitions of their own, to and from
*flapping*. The machine's transitions in between stay in the output, marked `while_flapping`. Like the machine, this
module only knows timestamps of evaluated time, so the result does not depend on how often it is called.
"""

from obs_core.alerts.states import machine
from obs_core.alerts.states.machine import CROSSINGS, Alert, AlertState, Step, Timing, Transition


def observe(alert: Alert, timing: Timing, time_ns: int, condition: bool | None) -> Step:  # noqa: FBT001 - as machine.observe
    """Return the next step: from `time_ns` on the condition is true, false, or unknown (None)."""
    return _with_flapping(
        alert, machine.observe(alert, timing, time_ns, condition), timing, max(time_ns, alert.since_ns)
    )


def advance_to(alert: Alert, timing: Timing, time_ns: int) -> Step:
    """Return the next step: time has passed up to `time_ns` without a new observation."""
    return _with_flapping(alert, machine.advance_to(alert, timing, time_ns), timing, time_ns)


def deadline_ns(alert: Alert, timing: Timing) -> int | None:
    """When the alert changes state or stops flapping if nothing is observed before; None: never."""
    deadline = machine.deadline_ns(alert, timing)
    if alert.flaps_ns is None:
        return deadline
    end_ns = _flapping_end_ns(alert.crossings, timing) + 1
    return end_ns if deadline is None else min(deadline, end_ns)


def _with_flapping(before: Alert, step: Step, timing: Timing, time_ns: int) -> Step:
    after, machine_transitions = step
    alert = before
    transitions: tuple[Transition, ...] = ()
    for transition in machine_transitions:
        alert, ended = _end_flapping(alert, timing, transition.timestamp_ns)
        transitions += (*ended, transition._replace(while_flapping=alert.flaps_ns is not None))
        if transition.state_to != "flapping":
            starts_ns = None if transition.ends_ns else transition.starts_ns
            alert = alert._replace(state=transition.state_to, starts_ns=starts_ns)
        if transition.state_to not in CROSSINGS:
            continue
        now = transition.timestamp_ns
        alert = alert._replace(crossings=machine.with_crossing(alert.crossings, now))
        if alert.flaps_ns is None and machine.is_flapping(alert, timing.flap_count, timing.flap_ns, now):
            alert = alert._replace(flaps_ns=now)
            transitions += (Transition(transition.state_to, "flapping", now, transition.starts_ns, None),)
    alert, ended = _end_flapping(alert, timing, time_ns)
    return after._replace(flaps_ns=alert.flaps_ns), (*transitions, *ended)


def _end_flapping(alert: Alert, timing: Timing, before_ns: int) -> Step:
    """End flapping if its window ends before `before_ns`; exactly at that time another crossing may still come."""
    if alert.flaps_ns is None or (end_ns := _flapping_end_ns(alert.crossings, timing)) >= before_ns:
        return alert, ()
    ends_ns = None if alert.state in {"firing", "no data"} else alert.crossings[-1]
    # a resolved alert becomes inactive after its retention without a transition
    state_to: AlertState = "resolved" if alert.state == "inactive" else alert.state
    starts_ns = alert.starts_ns or alert.flaps_ns
    transition = Transition("flapping", state_to, max(end_ns, alert.flaps_ns), starts_ns, ends_ns)
    return alert._replace(flaps_ns=None), (transition,)


def _flapping_end_ns(crossings: tuple[int, ...], timing: Timing) -> int:
    """The time at which the window contains one crossing too few."""
    return crossings[-timing.flap_count] + timing.flap_ns if len(crossings) >= timing.flap_count else crossings[-1]

"""Flapping, put on top of the state machine: an alert that begins and ceases to fire again and again is told once.

It begins with the crossing (beginning or ceasing to fire) that makes `flap_count` of them within `flap_ns`, and ends
when the last `flap_ns` hold fewer. Both are turns of their own, to and from *flapping*; the turns in between stay turns
of the machine, marked. Like the machine it knows moments of judged time only, so steps change nothing.
"""

from obs_core.alerts.states import machine
from obs_core.alerts.states.machine import CROSSINGS, Alert, AlertState, Step, Timing, Transition


def observe(alert: Alert, timing: Timing, moment_ns: int, condition: bool | None) -> Step:  # noqa: FBT001 - as states.told
    """From this moment on the condition holds, does not hold, or can't be told."""
    return _over(alert, machine.observe(alert, timing, moment_ns, condition), timing, max(moment_ns, alert.since_ns))


def advance_to(alert: Alert, timing: Timing, until_ns: int) -> Step:
    """Time has gone on to `until_ns` without news."""
    return _over(alert, machine.advance_to(alert, timing, until_ns), timing, until_ns)


def deadline_ns(alert: Alert, timing: Timing) -> int | None:
    """When the alert changes, or ceases to flap, if nothing is told until then; None: never."""
    due = machine.deadline_ns(alert, timing)
    if alert.flaps_ns is None:
        return due
    over = _over_ns(alert.crossings, timing) + 1
    return over if due is None else min(due, over)


def _over(before: Alert, step: Step, timing: Timing, until_ns: int) -> Step:
    after, turns = step
    alert = before
    found: tuple[Transition, ...] = ()
    for turn in turns:
        alert, ended = _ceased(alert, timing, turn.moment_ns)
        found += (*ended, turn._replace(while_flapping=alert.flaps_ns is not None))
        if turn.state_to != "flapping":
            alert = alert._replace(state=turn.state_to, starts_ns=None if turn.ends_ns else turn.starts_ns)
        if turn.state_to not in CROSSINGS:
            continue
        alert = alert._replace(crossings=machine.with_crossing(alert.crossings, turn.moment_ns))
        if alert.flaps_ns is None and machine.is_flapping(alert, timing.flap_count, timing.flap_ns, turn.moment_ns):
            alert = alert._replace(flaps_ns=turn.moment_ns)
            found += (Transition(turn.state_to, "flapping", turn.moment_ns, turn.starts_ns, None),)
    alert, ended = _ceased(alert, timing, until_ns)
    return after._replace(flaps_ns=alert.flaps_ns), (*found, *ended)


def _ceased(alert: Alert, timing: Timing, before_ns: int) -> Step:
    """What is no longer flapping before this moment; at the moment itself another crossing may come."""
    if alert.flaps_ns is None or (over := _over_ns(alert.crossings, timing)) >= before_ns:
        return alert, ()
    ends = None if alert.state in {"firing", "no data"} else alert.crossings[-1]
    stands: AlertState = (
        "resolved" if alert.state == "inactive" else alert.state
    )  # that resolved is forgotten is no turn
    turn = Transition("flapping", stands, max(over, alert.flaps_ns), alert.starts_ns or alert.flaps_ns, ends)
    return alert._replace(flaps_ns=None), (turn,)


def _over_ns(crossings: tuple[int, ...], timing: Timing) -> int:
    """The moment at which the window holds one crossing too few."""
    return crossings[-timing.flap_count] + timing.flap_ns if len(crossings) >= timing.flap_count else crossings[-1]

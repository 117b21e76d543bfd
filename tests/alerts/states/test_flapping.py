"""Flapping compared with its definition: it starts and ends once, however often it is called and over restarts."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obs_core.alerts.states import flapping, machine
from obs_core.alerts.states.machine import Alert, Timing, Transition
from obs_core.clock import SECOND
from tests.support.flapping import flapping as by_definition

PHASES = st.lists(st.tuples(st.booleans(), st.sampled_from([1, 2, 5, 9, 40, 120, 950])), max_size=16)
SHORT = st.sampled_from([0, 1, 3])


def transitions_of(phases: list[tuple[bool, int]], timing: Timing, looks: set[int]) -> list[Transition]:
    """All transitions when time is flapping_changes at `looks` too, the alert being stored and read again each time."""
    changes: dict[int, bool] = {}
    second = 0
    for condition, seconds in [*phases, (False, 0)]:
        changes[second] = condition
        second += seconds
    alert = Alert()
    recorded: list[Transition] = []
    for time in sorted({*changes, *looks, second + 500, second + 2_000}):
        if time in changes:
            alert, transitions = flapping.observe(alert, timing, time * SECOND, changes[time])
            recorded += transitions
        if time in looks or time > second:
            alert, transitions = flapping.advance_to(alert, timing, time * SECOND)
            recorded += transitions
            alert = machine.from_text(machine.text_of(alert))
    return recorded


@settings(deadline=None)
@given(PHASES, SHORT, SHORT, st.integers(2, 4), st.sets(st.integers(0, 400)))
def test_it_starts_and_ends_by_its_definition_once_and_in_any_steps(
    phases: list[tuple[bool, int]], hold: int, keep: int, count: int, looks: set[int]
) -> None:
    timing = Timing(hold * SECOND, keep * SECOND, flap_count=count, flap_ns=30 * SECOND)
    recorded = transitions_of(phases, timing, looks)
    assert recorded == transitions_of(phases, timing, set())
    crossings = [
        transition.timestamp_ns // SECOND
        for transition in recorded
        if transition.state_to in {"firing", "resolved"} and not is_flapping(transition)
    ]
    flapping_changes = [
        (transition.timestamp_ns // SECOND, transition.state_to == "flapping")
        for transition in recorded
        if is_flapping(transition)
    ]
    assert flapping_changes == by_definition(crossings, count, 30)
    flaps = False
    for transition in recorded:
        flaps = transition.state_to == "flapping" if is_flapping(transition) else flaps
        assert is_flapping(transition) or transition.while_flapping is flaps


@settings(deadline=None)
@given(PHASES, SHORT, SHORT)
def test_the_transitions_of_the_machine_stay_unchanged(phases: list[tuple[bool, int]], hold: int, keep: int) -> None:
    timing = Timing(hold * SECOND, keep * SECOND)
    often, never = transitions_of(phases, timing, set()), transitions_of(phases, timing._replace(flap_count=99), set())
    assert [transition._replace(while_flapping=False) for transition in often if not is_flapping(transition)] == never


def is_flapping(transition: Transition) -> bool:
    """Whether it is the start or the end of flapping."""
    return "flapping" in {transition.state_from, transition.state_to}


@pytest.mark.parametrize(
    ("last", "end"),
    [
        (True, Transition("flapping", "firing", 150 * SECOND, 70 * SECOND, None)),
        (False, Transition("flapping", "resolved", 140 * SECOND, 50 * SECOND, 60 * SECOND)),
    ],
)
def test_its_end_has_the_current_state_and_the_start_of_firing(*, last: bool, end: Transition) -> None:
    phases = [(False, 30), (True, 10), (False, 10), (True, 10), (False, 10)]
    recorded = transitions_of([*phases, (True, 300)] if last else phases, Timing(), set())
    began, over = (transition for transition in recorded if is_flapping(transition))
    assert began == Transition("firing", "flapping", 50 * SECOND, 50 * SECOND, None)
    assert over == end

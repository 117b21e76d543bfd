"""Flapping beside its definition: it begins and ends once, in whatever steps time is told and over restarts."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obs_core.alerts.states import flapping, machine
from obs_core.alerts.states.machine import Alert, Timing, Transition
from obs_core.clock import SECOND
from tests.support.flapping import flapping as by_definition

PHASES = st.lists(st.tuples(st.booleans(), st.sampled_from([1, 2, 5, 9, 40, 120, 950])), max_size=16)
SHORT = st.sampled_from([0, 1, 3])


def turns_of(phases: list[tuple[bool, int]], timing: Timing, looks: set[int]) -> list[Transition]:
    """All turns when time is told at `looks` too, the alert being stored and read again each time."""
    changes: dict[int, bool] = {}
    second = 0
    for condition, seconds in [*phases, (False, 0)]:
        changes[second] = condition
        second += seconds
    alert = Alert()
    found: list[Transition] = []
    for moment in sorted({*changes, *looks, second + 500, second + 2_000}):
        if moment in changes:
            alert, turns = flapping.observe(alert, timing, moment * SECOND, changes[moment])
            found += turns
        if moment in looks or moment > second:
            alert, turns = flapping.advance_to(alert, timing, moment * SECOND)
            found += turns
            alert = machine.from_text(machine.text_of(alert))
    return found


@settings(deadline=None)
@given(PHASES, SHORT, SHORT, st.integers(2, 4), st.sets(st.integers(0, 400)))
def test_it_begins_and_ends_by_its_definition_once_and_in_any_steps(
    phases: list[tuple[bool, int]], hold: int, keep: int, count: int, looks: set[int]
) -> None:
    timing = Timing(hold * SECOND, keep * SECOND, flap_count=count, flap_ns=30 * SECOND)
    found = turns_of(phases, timing, looks)
    assert found == turns_of(phases, timing, set())
    crossings = [turn.moment_ns // SECOND for turn in found if turn.state_to in {"firing", "resolved"} and not of(turn)]
    told = [(turn.moment_ns // SECOND, turn.state_to == "flapping") for turn in found if of(turn)]
    assert told == by_definition(crossings, count, 30)
    flaps = False
    for turn in found:
        flaps = turn.state_to == "flapping" if of(turn) else flaps
        assert of(turn) or turn.while_flapping is flaps


@settings(deadline=None)
@given(PHASES, SHORT, SHORT)
def test_the_turns_of_the_machine_stay_as_they_are(phases: list[tuple[bool, int]], hold: int, keep: int) -> None:
    timing = Timing(hold * SECOND, keep * SECOND)
    often, never = turns_of(phases, timing, set()), turns_of(phases, timing._replace(flap_count=99), set())
    assert [turn._replace(while_flapping=False) for turn in often if not of(turn)] == never


def of(turn: Transition) -> bool:
    """Whether it tells that flapping begins or ends."""
    return "flapping" in {turn.state_from, turn.state_to}


@pytest.mark.parametrize(
    ("last", "end"),
    [
        (True, Transition("flapping", "firing", 150 * SECOND, 70 * SECOND, None)),
        (False, Transition("flapping", "resolved", 140 * SECOND, 50 * SECOND, 60 * SECOND)),
    ],
)
def test_its_end_says_how_the_alert_stands_and_since_when_it_fired(*, last: bool, end: Transition) -> None:
    phases = [(False, 30), (True, 10), (False, 10), (True, 10), (False, 10)]
    found = turns_of([*phases, (True, 300)] if last else phases, Timing(), set())
    began, over = (turn for turn in found if of(turn))
    assert began == Transition("firing", "flapping", 50 * SECOND, 50 * SECOND, None)
    assert over == end

"""The state machine compared with one written from Prometheus' documented rules, and our additions."""

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obs_core.alerts.states import machine
from obs_core.alerts.states.machine import Alert, Timing, Transition
from obs_core.clock import MINUTE, SECOND

RETENTION_S = 900


@dataclass
class Oracle:
    """One alert of prometheus/rules/alerting.go, `AlertingRule.Eval`, each second with or without a sample."""

    hold: int
    keep: int
    state: str = "inactive"  # of no alert in the map, or of one that is there with StateInactive
    there: bool = False
    active_at: int = 0
    keep_since: int | None = None
    resolved_at: int | None = None

    def evaluate(self, ts: int, *, sample: bool) -> str:
        if sample and not (self.there and self.state != "inactive"):
            self.there, self.state, self.active_at = True, "pending", ts
            self.keep_since = self.resolved_at = None
        if not self.there:
            return "inactive"
        if not sample:
            keeps = False
            if self.state == "firing" and self.keep > 0:
                self.keep_since = ts if self.keep_since is None else self.keep_since
                keeps = ts - self.keep_since < self.keep
            late = self.resolved_at is not None and ts - self.resolved_at > RETENTION_S
            if self.state == "pending" or late:
                self.there, self.state = False, "inactive"
                return "inactive"
            if self.state != "inactive" and not keeps:
                self.state, self.resolved_at = "inactive", ts
            if not keeps:
                return "resolved"
        else:
            self.keep_since = None
        if self.state == "pending" and ts - self.active_at >= self.hold:
            self.state = "firing"
        return self.state


PHASES = st.lists(st.tuples(st.booleans(), st.sampled_from([1, 2, 3, 5, 9, 40, 950])), max_size=12)
SHORT = st.sampled_from([0, 1, 2, 3, 8])


@settings(deadline=None)
@given(PHASES, SHORT, SHORT, st.integers(1, 7))
def test_at_every_second_the_state_is_prometheus_own(
    phases: list[tuple[bool, int]], hold: int, keep: int, stride: int
) -> None:
    samples = [holds for holds, seconds in phases for _ in range(seconds)]
    oracle, alert = Oracle(hold, keep), Alert()
    timing = Timing(hold * SECOND, keep * SECOND)
    for second, holds in enumerate(samples):
        expected = oracle.evaluate(second, sample=holds)
        alert, _ = machine.observe(alert, timing, second * SECOND, holds)
        assert alert.state == expected, second
        if second % stride == 0:  # a restart
            alert = machine.from_text(machine.text_of(alert))


@settings(deadline=None)
@given(PHASES, SHORT, SHORT, st.sets(st.integers(0, 400)))
def test_the_number_of_calls_changes_nothing(
    phases: list[tuple[bool, int]], hold: int, keep: int, looks: set[int]
) -> None:
    timing = Timing(hold * SECOND, keep * SECOND)
    once, often = Alert(), Alert()
    few: list[Transition] = []
    many: list[Transition] = []
    second, last = 0, None
    for holds, seconds in phases:
        if holds != last:
            once, transitions = machine.observe(once, timing, second * SECOND, holds)
            few += transitions
        for _ in range(seconds):
            often, transitions = machine.observe(often, timing, second * SECOND, holds)
            many += transitions
            if second in looks:
                often, transitions = machine.advance_to(often, timing, second * SECOND + SECOND // 2)
                many += transitions
            second, last = second + 1, holds
    once, transitions = machine.advance_to(once, timing, second * SECOND)
    few += transitions
    often, transitions = machine.advance_to(often, timing, second * SECOND)
    assert [*many, *transitions] == few
    assert often == once


def transitions_of(timing: Timing, *observations: tuple[int, bool | None]) -> list[tuple[str, str, int]]:
    alert = Alert()
    changes: list[tuple[str, str, int]] = []
    for second, condition in observations:
        alert, transitions = machine.observe(alert, timing, second * SECOND, condition)
        changes += [
            (transition.state_from, transition.state_to, transition.timestamp_ns // SECOND)
            for transition in transitions
        ]
    return changes


def test_a_pending_alert_is_dropped_when_its_condition_ends_and_never_resolved() -> None:
    assert transitions_of(Timing(10 * SECOND), (0, True), (9, False), (60, False)) == [
        ("inactive", "pending", 0),
        ("pending", "inactive", 9),
    ]


def test_a_transition_has_start_and_end_of_firing() -> None:
    alert, _ = machine.observe(Alert(), Timing(5 * SECOND), 0, condition=True)
    alert, (fired,) = machine.advance_to(alert, Timing(5 * SECOND), 60 * SECOND)
    _, (resolved,) = machine.observe(alert, Timing(5 * SECOND), 70 * SECOND, condition=False)
    assert fired == Transition("pending", "firing", 5 * SECOND, 5 * SECOND, None)
    assert resolved == Transition("firing", "resolved", 70 * SECOND, 5 * SECOND, 70 * SECOND)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("keep", [("inactive", "firing", 0)]),
        ("ok", [("inactive", "firing", 0), ("firing", "resolved", 40)]),
        ("alert", [("inactive", "firing", 0), ("firing", "no data", 40), ("no data", "resolved", 99)]),
    ],
)
def test_without_data_the_policy_decides_after_its_own_delay(policy: str, expected: list[tuple[str, str, int]]) -> None:
    timing = Timing(no_data=policy, no_data_ns=30 * SECOND)  # type: ignore[arg-type]
    observations: list[tuple[int, bool | None]] = [(0, True), (10, None), (20, None), (60, None)]
    if policy == "alert":
        observations.append((99, False))
    assert transitions_of(timing, *observations) == expected


def test_data_that_returns_in_time_changes_nothing() -> None:
    timing = Timing(no_data="alert", no_data_ns=30 * SECOND)
    assert transitions_of(timing, (0, True), (10, None), (39, True), (80, True)) == [("inactive", "firing", 0)]


def test_three_crossings_within_the_window_are_flapping_until_it_has_passed() -> None:
    alert = Alert()
    for second, condition in [(0, True), (30, False), (60, True)]:
        alert, _ = machine.observe(alert, Timing(), second * SECOND, condition)
    window = 100 * SECOND
    assert machine.is_flapping(alert, 3, window, 60 * SECOND)
    assert machine.is_flapping(alert, 3, window, 99 * SECOND)
    assert not machine.is_flapping(alert, 3, window, 100 * SECOND)
    assert not machine.is_flapping(alert, 4, window, 60 * SECOND)


def test_resolved_is_retained_for_a_quarter_of_an_hour() -> None:
    alert, _ = machine.observe(Alert(), Timing(), 0, condition=True)
    alert, _ = machine.observe(alert, Timing(), SECOND, condition=False)
    assert machine.advance_to(alert, Timing(), SECOND + 15 * MINUTE)[0].state == "resolved"
    assert machine.advance_to(alert, Timing(), SECOND + 15 * MINUTE + 1)[0].state == "inactive"

from hypothesis import given
from hypothesis import strategies as st

from obs_core.capture.drain.circuit_breaker import MAX_BACKOFF_S, MIN_BACKOFF_S, CircuitBreaker

chances = st.floats(0, 1)
steps = st.lists(st.tuples(st.floats(0, 100), st.booleans(), chances), max_size=60)


def test_the_first_failure_opens_it_for_half_a_second_and_the_pauses_double() -> None:
    breaker = CircuitBreaker()
    pauses = []
    for _ in range(10):
        breaker = breaker.after_failure(0.0)
        pauses.append(breaker.retry_at)
    assert pauses == [0.5, 1, 2, 4, 8, 16, 30, 30, 30, 30]


def test_after_its_pause_one_try_is_let_through_and_its_end_decides() -> None:
    breaker = CircuitBreaker().after_failure(10.0)
    assert not breaker.allows(10.49)
    assert breaker.before_attempt(10.49) == breaker
    trial = breaker.before_attempt(10.5)
    assert trial.state == "half_open"
    assert trial.after_success() == CircuitBreaker()
    assert trial.after_failure(10.5) == CircuitBreaker("open", 2, 11.5)


@given(steps)
def test_whatever_happens_it_is_never_shut_for_longer_than_its_longest_pause(
    steps: list[tuple[float, bool, float]],
) -> None:
    breaker, now, failures = CircuitBreaker(), 0.0, 0
    for wait, works, chance in steps:
        now += wait
        if not breaker.allows(now):
            assert breaker.before_attempt(now) == breaker
            continue
        breaker = breaker.before_attempt(now)
        if works:
            breaker, failures = breaker.after_success(), 0
            assert breaker == CircuitBreaker()
        else:
            breaker, failures = breaker.after_failure(now, chance), failures + 1
            pause = breaker.retry_at - now
            assert breaker.failures == failures
            assert pause + 1e-6 >= MIN_BACKOFF_S * 0.75
            assert pause <= MAX_BACKOFF_S * 1.25 + 1e-6
        assert breaker.allows(max(now, breaker.retry_at))

from hypothesis import given
from hypothesis import strategies as st

from obs_core.capture.drain.circuit_breaker import MAX_BACKOFF_S, MIN_BACKOFF_S, CircuitBreaker

jitters = st.floats(0, 1)
steps = st.lists(st.tuples(st.floats(0, 100), st.booleans(), jitters), max_size=60)


def test_the_first_failure_opens_it_for_half_a_second_and_the_back_off_doubles() -> None:
    breaker = CircuitBreaker()
    delays = []
    for _ in range(10):
        breaker = breaker.after_failure(0.0)
        delays.append(breaker.retry_at)
    assert delays == [0.5, 1, 2, 4, 8, 16, 30, 30, 30, 30]


def test_after_the_back_off_one_trial_is_allowed_and_decides_the_state() -> None:
    breaker = CircuitBreaker().after_failure(10.0)
    assert not breaker.allows(10.49)
    assert breaker.before_attempt(10.49) == breaker
    trial = breaker.before_attempt(10.5)
    assert trial.state == "half_open"
    assert trial.after_success() == CircuitBreaker()
    assert trial.after_failure(10.5) == CircuitBreaker("open", 2, 11.5)


@given(steps)
def test_it_is_never_open_for_longer_than_the_longest_back_off(
    steps: list[tuple[float, bool, float]],
) -> None:
    breaker, now, failures = CircuitBreaker(), 0.0, 0
    for wait, works, jitter in steps:
        now += wait
        if not breaker.allows(now):
            assert breaker.before_attempt(now) == breaker
            continue
        breaker = breaker.before_attempt(now)
        if works:
            breaker, failures = breaker.after_success(), 0
            assert breaker == CircuitBreaker()
        else:
            breaker, failures = breaker.after_failure(now, jitter), failures + 1
            delay_s = breaker.retry_at - now
            assert breaker.failures == failures
            assert delay_s + 1e-6 >= MIN_BACKOFF_S * 0.75
            assert delay_s <= MAX_BACKOFF_S * 1.25 + 1e-6
        assert breaker.allows(max(now, breaker.retry_at))

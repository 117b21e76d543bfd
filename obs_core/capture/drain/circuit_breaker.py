"""The circuit breaker of a drain: a pure state machine that says when to try the log again after a failure."""

from dataclasses import dataclass, replace
from typing import Final, Literal

from obs_core.clock import backoff

BreakerState = Literal["closed", "open", "half_open"]
MIN_BACKOFF_S: Final = 0.5
MAX_BACKOFF_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class CircuitBreaker:
    """Closed: commits are allowed. Open: none before `retry_at` (seconds, caller's clock). Half open: one trial."""

    state: BreakerState = "closed"
    failures: int = 0
    retry_at: float = 0.0

    def allows(self, now: float) -> bool:
        """Whether a commit may be attempted at `now`."""
        return self.state != "open" or now >= self.retry_at

    def before_attempt(self, now: float) -> "CircuitBreaker":
        """The state for an attempt at `now`: an open breaker becomes half open after its back-off."""
        return replace(self, state="half_open") if self.state == "open" and now >= self.retry_at else self

    def after_failure(self, now: float, jitter: float = 0.5) -> "CircuitBreaker":
        """Open, with a back-off that doubles from 0.5 s to 30 s; `jitter` in [0, 1] changes it by up to a quarter."""
        backoff_s = backoff(MIN_BACKOFF_S, MAX_BACKOFF_S, self.failures + 1) * (0.75 + jitter / 2)
        return CircuitBreaker("open", self.failures + 1, now + backoff_s)

    def after_success(self) -> "CircuitBreaker":
        """Closed, and the next failure starts with the shortest back-off."""
        return self if self.state == "closed" and not self.failures else CircuitBreaker()

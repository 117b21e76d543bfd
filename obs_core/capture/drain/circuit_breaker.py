"""When to try the log again: a pure state machine around the commits of a drain."""

from dataclasses import dataclass, replace
from typing import Final, Literal

from obs_core.clock import backoff

State = Literal["closed", "open", "half_open"]
FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Breaker:
    """Closed: commits go through. Open: none before `retry_at` (seconds on the caller's clock). Half open: one try."""

    state: State = "closed"
    failures: int = 0
    retry_at: float = 0.0

    def allows(self, now: float) -> bool:
        """Whether a commit may be tried at `now`."""
        return self.state != "open" or now >= self.retry_at

    def trying(self, now: float) -> "Breaker":
        """The state in which a commit is tried at `now`: an open breaker whose pause is over becomes half open."""
        return replace(self, state="half_open") if self.state == "open" and now >= self.retry_at else self

    def after_failure(self, now: float, chance: float = 0.5) -> "Breaker":
        """Open, with a pause that doubles from 0.5 s to 30 s, spread by a quarter either way (`chance` in [0, 1])."""
        pause = backoff(FIRST_PAUSE_S, LONGEST_PAUSE_S, self.failures + 1) * (0.75 + chance / 2)
        return Breaker("open", self.failures + 1, now + pause)

    def after_success(self) -> "Breaker":
        """Closed, and the next failure starts with the shortest pause again."""
        return self if self.state == "closed" and not self.failures else Breaker()

"""The state of a child process as a pure state machine, and the delay before its next start."""

from dataclasses import dataclass, replace
from typing import Final, Literal

from obs_core.clock import SECOND, backoff
from obs_core.errors import PermanentFailure, PortInUse

ChildState = Literal["starting", "running", "waiting", "port in use", "off"]
FIRST_DELAY_S: Final = 0.5
MAX_DELAY_S: Final = 60.0
PORT_DELAY_S: Final = 15.0
"""The delay before a port in use is tried again: a start costs half a second of processor time."""
_BY_EXIT_CODE: Final[dict[int, ChildState]] = {PortInUse.exit_code: "port in use", PermanentFailure.exit_code: "off"}
_STABLE_NS: Final = 60 * SECOND


@dataclass(frozen=True, slots=True)
class Child:
    """One child process of a dashboard.

    `since_ns` is when its state began; `dashboard` and `birth` are the pid and the start time of the dashboard.
    `failures` counts exits in a row, `restarts` all starts but the first. `last_end` is why it ended last, at
    `last_end_ns`; unlike `last_error` it stays while the child runs again.
    """

    name: str
    state: ChildState
    since_ns: int
    dashboard: int
    birth: int
    pid: int | None = None
    address: str | None = None
    restarts: int = 0
    failures: int = 0
    last_error: str = ""
    last_end: str = ""
    last_end_ns: int = 0


def started(child: Child, pid: int, now_ns: int) -> Child:
    """Its process was started and is not ready yet. The state "port in use" stays until the child is ready."""
    state: ChildState = child.state if child.state == "port in use" else "starting"
    return replace(child, state=state, pid=pid, since_ns=now_ns if state != child.state else child.since_ns)


def ready(child: Child, address: str, now_ns: int) -> Child:
    """It is running, at `address`."""
    return replace(child, state="running", since_ns=now_ns, address=address, last_error="")


def ended(child: Child, exit_code: int, last_line: str, now_ns: int) -> Child:
    """It exited with `exit_code`; after a minute of running, earlier failures no longer count."""
    state = _BY_EXIT_CODE.get(exit_code, "waiting")
    was_stable = child.state == "running" and now_ns - child.since_ns >= _STABLE_NS
    reason = f"killed by signal {-exit_code}" if exit_code < 0 else f"exited with code {exit_code}"
    return replace(
        child,
        state=state,
        since_ns=now_ns if state != child.state else child.since_ns,
        pid=None,
        address=None,
        restarts=child.restarts + 1,
        failures=1 if was_stable else child.failures + 1,
        last_error=last_line or reason,
        last_end=last_line or reason,
        last_end_ns=now_ns,
    )


def delay_s(child: Child) -> float:
    """The delay before it is restarted: 0.5 s, doubled with each failure, up to a minute."""
    if child.state == "port in use":
        return PORT_DELAY_S
    return backoff(FIRST_DELAY_S, MAX_DELAY_S, child.failures)

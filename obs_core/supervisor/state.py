"""What becomes of a child, as a pure state machine, and when it is started again."""

from dataclasses import dataclass, replace
from typing import Final, Literal

from obs_core.clock import SECOND
from obs_core.errors import PermanentFailure, PortInUse

ChildState = Literal["starting", "running", "waiting", "port in use", "off"]
FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 60.0
PORT_PAUSE_S: Final = 15.0
"""How often a taken port is tried again: a start costs half a second of processor time."""
_AFTER: Final[dict[int, ChildState]] = {PortInUse.exit_code: "port in use", PermanentFailure.exit_code: "off"}
_STEADY_NS: Final = 60 * SECOND


@dataclass(frozen=True, slots=True)
class Child:
    """One program beside a dashboard; `since_ns` is when its state began, `dashboard` and `birth` say whose it is.

    `failures` are the ends in a row, `restarts` all starts but the first.
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


def started(child: Child, pid: int, now_ns: int) -> Child:
    """Its process runs, but is not ready yet. A port in use stays said until the next try has succeeded."""
    state: ChildState = child.state if child.state == "port in use" else "starting"
    return replace(child, state=state, pid=pid, since_ns=now_ns if state != child.state else child.since_ns)


def ready(child: Child, address: str, now_ns: int) -> Child:
    """It does its work, at `address`."""
    return replace(child, state="running", since_ns=now_ns, address=address, last_error="")


def ended(child: Child, code: int, last_line: str, now_ns: int) -> Child:
    """It ended by itself with this exit code; after a minute of work its failures are forgotten."""
    state = _AFTER.get(code, "waiting")
    steady = child.state == "running" and now_ns - child.since_ns >= _STEADY_NS
    how = f"it was ended by signal {-code}" if code < 0 else f"it ended with exit code {code}"
    return replace(
        child,
        state=state,
        since_ns=now_ns if state != child.state else child.since_ns,
        pid=None,
        address=None,
        restarts=child.restarts + 1,
        failures=1 if steady else child.failures + 1,
        last_error=last_line or how,
    )


def pause_s(child: Child) -> float:
    """How long it rests before it is started again: 0.5 s, doubled with each failure up to a minute."""
    if child.state == "port in use":
        return PORT_PAUSE_S
    return min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(max(child.failures - 1, 0), 16))

"""The baggage of a remote call: attributes `baggage.KEY` of the first call below it."""

from typing import Any, Final

from obs_core.capture.context import RECORDING, Remote, current
from obs_core.capture.propagation import values
from obs_core.capture.values.limits import cut, rules
from obs_core.capture.values.redact import REDACTED

BAGGAGE: Final = "baggage."


def baggage_details(remote: Remote) -> dict[str, Any]:
    """The extra row field of the call that starts below `remote` now: redacted texts; empty after the first call."""
    members = remote.take()
    if not members:
        return {}
    token = current.set(RECORDING)  # traced functions that this calls are not the program's calls
    try:
        hides = rules.redaction.hides
        texts = {
            f"{BAGGAGE}{key}": REDACTED if hides(key) else cut(value)["text"] for key, value in values(members).items()
        }
    finally:
        current.reset(token)
    return {"baggage": texts}

"""Where a page of rows ends: a token that names its last row, so that the next page costs what the first one costs."""

import base64
import binascii
import json
from typing import Final, NamedTuple

from obs_core.errors import BadParameter

BEFORE_ALL: Final = -(2**63) + 1
"""An id below those of all rows: a page that ended between two moments goes on with all rows of the later one."""


class Cursor(NamedTuple):
    """The last row of a page: what it was sorted by (None: only time), its time in nanoseconds and its id."""

    key: str | int | None
    timestamp: int
    id: int

    @property
    def token(self) -> str:
        """The row as text for a link: letters, digits, `-` and `_`."""
        return base64.urlsafe_b64encode(json.dumps(self).encode()).decode().rstrip("=")


def cursor(token: str | None) -> Cursor | None:
    """The row that `token` names; None for none.

    Raises:
        BadParameter: no page ended so.
    """
    if not token:
        return None
    try:
        facts = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        key, timestamp, row = facts
        fits = isinstance(key, str | int | None) and all(type(n) is int and abs(n) < 2**63 for n in (timestamp, row))
    except (binascii.Error, ValueError, TypeError, RecursionError):
        fits = False
    if not fits:
        message = f"“{token[:60]}” is not where a page ended."
        raise BadParameter(message, "Leave after out to begin with the first page.")
    return Cursor(key, timestamp, row)

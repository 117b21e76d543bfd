"""Keyset cursors: a token for the last row of a page, so that the next page costs as much as the first."""

import base64
import binascii
import json
from typing import Final, NamedTuple

from obs_core.errors import BadParameter

BEFORE_ALL: Final = -(2**63) + 1
"""An id below all ids: after a page that ended between two timestamps, the next one has all rows of the later one."""


class Cursor(NamedTuple):
    """The last row of a page: its sort key (None: sorted by time), its timestamp in nanoseconds and its id."""

    key: str | int | None
    timestamp: int
    id: int

    @property
    def token(self) -> str:
        """The row as text for a link: letters, digits, `-` and `_`."""
        return base64.urlsafe_b64encode(json.dumps(self).encode()).decode().rstrip("=")


def cursor(token: str | None) -> Cursor | None:
    """The cursor in `token`; None if it is empty.

    Raises:
        BadParameter: the token is not a cursor.
    """
    if not token:
        return None
    try:
        fields = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        key, timestamp, row_id = fields
        is_valid = isinstance(key, str | int | None) and all(
            type(n) is int and abs(n) < 2**63 for n in (timestamp, row_id)
        )
    except (binascii.Error, ValueError, TypeError, RecursionError):
        is_valid = False
    if not is_valid:
        message = f"“{token[:60]}” is not a valid page cursor."
        raise BadParameter(message, "Leave after out to start with the first page.")
    return Cursor(key, timestamp, row_id)

"""The expanded rows of the Trace Explorer's table as the parameter `t_open` of the link.

Each row is written as the ids from its page down to it, separated by points. A row that shows more than one step of
children has their number after a tilde: `12_12.15~3` is row 12, and in it row 15 with three steps.
"""

import re
from collections.abc import Mapping
from typing import Final

from obs_core.errors import BadParameter
from obs_core.model import ROW_CAP
from obs_core.ui.kit.text import plain

STEP: Final = 200
"""Children that are shown at once; a user asks for the next ones."""

MOST: Final = ROW_CAP - STEP
"""Children that one row shows in the table; the waterfall of the trace has all of them."""

LINKED: Final = 50
"""Expanded rows in a link, and steps beyond the first of all of them together: a link opens a small table."""

_ROW: Final = re.compile(r"(-?[0-9]{1,19}(?:\.-?[0-9]{1,19})*)(?:~([1-9][0-9]?))?")


def to_text(opened: Mapping[str, int]) -> str:
    """The parameter for the expanded rows and how many children each shows; parents first, at most 50 rows."""
    parts, left = [], LINKED
    for path, shown in sorted(opened.items(), key=lambda row: row[0].count("/"))[:LINKED]:
        more = min(max(0, shown // STEP - 1), left)
        left -= more
        parts.append(path.replace("/", ".") + (f"~{more + 1}" if more else ""))
    return "_".join(parts)


def from_text(text: str | None) -> dict[str, int]:
    """The expanded rows in a link, each with the number of children that it shows; the inverse of `to_text`.

    Raises:
        BadParameter: the text is not valid, or has too many rows or steps.
    """
    opened = {}
    for part in (text or "").split("_") if text else ():
        match = _ROW.fullmatch(part)
        if match is None:
            message = f"Unknown expanded row “{plain(part, 60)}” in the link."
            raise BadParameter(message, "Copy the link from the page again.")
        opened[match[1].replace(".", "/")] = int(match[2] or 1) * STEP
    if len(opened) > LINKED or sum(shown // STEP - 1 for shown in opened.values()) > LINKED:
        raise BadParameter("Too many expanded rows in the link.", "Copy the link from the page again.")
    return opened

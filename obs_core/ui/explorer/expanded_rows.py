"""Which rows of the Trace Explorer's table are open, and the part of the link that says so.

A link names each open row by the ids from its page down to it, with points between them; where it shows more than one
step of its children, their number stands behind a tilde: `12_12.15~3` is row 12, and in it row 15 with three steps.
"""

import re
from collections.abc import Mapping
from typing import Final

from obs_core.errors import BadParameter
from obs_core.model import ROW_CAP
from obs_core.ui.kit.text import plain

STEP: Final = 200
"""Children that one opening shows; the next ones are asked for."""

MOST: Final = ROW_CAP - STEP
"""Children that one row shows in the table; all of them stand in the trace's waterfall."""

LINKED: Final = 50
"""Open rows that a link names, and the steps beyond the first that all of them show: what it opens stays small."""

_ROW: Final = re.compile(r"(-?[0-9]{1,19}(?:\.-?[0-9]{1,19})*)(?:~([1-9][0-9]?))?")


def written(opened: Mapping[str, int]) -> str:
    """The part of the link for the open rows and how many children each shows; callers first, and at most 50 rows."""
    words, left = [], LINKED
    for path, shown in sorted(opened.items(), key=lambda row: row[0].count("/"))[:LINKED]:
        more = min(max(0, shown // STEP - 1), left)
        left -= more
        words.append(path.replace("/", ".") + (f"~{more + 1}" if more else ""))
    return "_".join(words)


def read(text: str | None) -> dict[str, int]:
    """The open rows that a link names, each with the number of children it shows; the opposite of `written`.

    Raises:
        BadParameter: it is no such text, or names more than a link may.
    """
    opened = {}
    for word in (text or "").split("_") if text else ():
        found = _ROW.fullmatch(word)
        if found is None:
            raise BadParameter(f"“{plain(word, 60)}” is no open row.", "Copy the link from the page again.")
        opened[found[1].replace(".", "/")] = int(found[2] or 1) * STEP
    if len(opened) > LINKED or sum(shown // STEP - 1 for shown in opened.values()) > LINKED:
        raise BadParameter(f"It opens more than {LINKED} rows, or more of them.", "Copy the link from the page again.")
    return opened

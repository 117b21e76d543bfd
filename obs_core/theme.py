"""The colours of both themes: every chart, table, style sheet and highlighted source takes them from here.

Each colour is a pair (light, dark). Marks are Okabe and Ito's colours, safe for colour-blind eyes. Text colours have a
contrast of at least 4.5:1 to the page. `.streamlit/config.toml` repeats them for Streamlit's own elements; a test
compares the two.
"""

import json
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

Pair = tuple[str, str]

ROLES: Final[dict[str, Pair]] = {
    "ok": ("#009e73", "#2fb98d"),
    "error": ("#d55e00", "#f0803c"),
    "stale": ("#e69f00", "#f0b429"),
    "slow": ("#cc79a7", "#dd9bc1"),
    "muted": ("#8b97a5", "#7f8b9a"),
    "accent": ("#0072b2", "#56b4e9"),
}
"""The colour of the marks of each role."""

GROUPS: Final[tuple[Pair, ...]] = (
    *(("#0072b2", "#56b4e9"), ("#e69f00", "#f0b429"), ("#009e73", "#2fb98d"), ("#cc79a7", "#dd9bc1")),
    *(("#6a51a3", "#b39ddb"), ("#a6761d", "#d0a35c"), ("#46b1c9", "#8fe0f0"), ("#7a8f1f", "#c0cf5f")),
    *(("#b2457a", "#f48fb1"), ("#4a6fe3", "#9fb4ff"), ("#1b7f5c", "#7fd1ae")),
)
"""The colours of process groups; none is the colour of an error, or the grey of “others”."""

TEXT: Final[dict[str, Pair]] = {
    "ink": ("#1f2933", "#e3e8ee"),
    "quiet": ("#5f6b7a", "#98a3b3"),
    "error": ("#b84e00", "#ff9d5c"),
    "ok": ("#00704f", "#4cc9a4"),
    "stale": ("#8a5f00", "#f5c04f"),
    "accent": ("#00629b", "#7cc7f0"),
}
"""The colour of text of each role."""

PAGE: Final[Pair] = ("#ffffff", "#0f1419")
BUTTON: Final[Pair] = ("#0072b2", "#2079b8")
"""The main button of a form, under white text."""
PAPER: Final[Pair] = ("#f6f8fa", "#161b22")
"""The background of source code and of table headers."""

LINE: Final[Pair] = ("#dde3ea", "#2b333d")
"""Borders and rules."""

_known: set[str] = set()
_MOST_KNOWN: Final = 1_000


def group_colours(groups: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return each group's colour in the light and in the dark theme, the same on every page and after a restart.

    It is the colour that the name hashes to. Of several groups with that colour, among all that were ever given here,
    the first by name has it, and each of the others the next one that is least used.
    """
    names = [str(group) for group in groups]
    if len(_known) < _MOST_KNOWN:
        _known.update(names)
    slots = _slots(tuple(sorted(_known.union(names))))
    return {name: GROUPS[slots[name]] for name in names}


@lru_cache(maxsize=8)
def _slots(names: tuple[str, ...]) -> dict[str, int]:
    """The index of each name's colour; `names` are sorted."""
    hashed = {name: zlib.crc32(name.encode("utf-8", "replace")) % len(GROUPS) for name in names}
    first = {slot: name for name, slot in reversed(hashed.items())}
    slots = {name: slot for slot, name in first.items()}
    uses = Counter(slots.values())
    for name in names:
        if name not in slots:
            around = [(hashed[name] + step) % len(GROUPS) for step in range(len(GROUPS))]
            slots[name] = min(around, key=lambda slot: uses[slot])
            uses[slots[name]] += 1
    return slots


def coloured(spec: Mapping[str, Any], *, dark: bool) -> dict[str, Any]:
    """Return `spec` with each role (`$error`) replaced by its colour in the theme."""
    return _coloured(json.dumps(spec, sort_keys=True), dark)


@lru_cache(maxsize=64)
def _coloured(text: str, dark: bool) -> dict[str, Any]:  # noqa: FBT001 - a cached function has no keywords to spare
    for role, pair in {**ROLES, "page": PAGE}.items():
        text = text.replace(f'"${role}"', f'"{pair[dark]}"')
    spec: dict[str, Any] = json.loads(text)
    return spec


def css(pair: Pair) -> str:
    """Return a pair as a CSS colour that follows the theme without a rerun."""
    return f"light-dark({pair[0]},{pair[1]})"


def css_variables() -> str:
    """Return the CSS rule that defines `--obs-<role>` for each role of text, and for lines, paper and the page."""
    colours = {**TEXT, "line": LINE, "paper": PAPER, "page": PAGE, "button": BUTTON}
    return ":root {" + " ".join(f"--obs-{role}: {css(pair)};" for role, pair in colours.items()) + "}"

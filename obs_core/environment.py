"""Reads environment variables as switches, numbers and lists; a value that can't be read counts as not set.

The settings of the dashboard (settings.py) read through it; capture/options.py shares its words. It imports
as little as possible, because every traced program pays for it.
"""

from collections.abc import Mapping
from typing import Final

DEFAULT_LOG: Final = "logs/main_dashboard_logs.db"
YES: Final = frozenset({"1", "true", "on", "yes"})
NO: Final = frozenset({"0", "false", "off", "no"})


def switch(env: Mapping[str, str], name: str, *, default: bool) -> bool:
    """The variable `name` as yes or no: 1/true/on/yes, 0/false/off/no; anything else is `default`."""
    text = env.get(name, "").strip().lower()
    return True if text in YES else False if text in NO else default


def texts(env: Mapping[str, str], name: str) -> tuple[str, ...]:
    """The variable `name` as a list of texts, separated by commas."""
    return tuple(text.strip() for text in env.get(name, "").split(",") if text.strip())


def whole_number(env: Mapping[str, str], name: str, *, default: int) -> int:
    """The variable `name` as a whole number of 0 or more; `default` if it is not one."""
    text = env.get(name, "").strip()
    return int(text) if text.isascii() and text.isdigit() else default

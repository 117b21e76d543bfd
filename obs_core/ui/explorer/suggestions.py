"""What the filters suggest while their menu is open: the most frequent values of the window, others can be typed."""

import re
from contextlib import suppress
from typing import Final

from obs_core.errors import ObsError
from obs_core.query.filters.attribute_filter import Condition
from obs_core.query.questions import facets
from obs_core.ui.kit.suggest import best
from obs_core.ui.shell.answers import ask
from obs_core.ui.shell.scope import PageScope

MOST: Final = 50
MOST_VALUES: Final = 1_000  # of an attribute, among which suggestions are searched
_TYPED: Final = re.compile(
    r"\s*(?P<name>[^\s=!<>\",]+)\s*(?P<operator>!=|>=|<=|=|>|<|contains\s|starts with\s)\s*(?P<value>.*)", re.DOTALL
)
"""A condition with at least its operator; a shorter text is a part of a name or a value."""


def of_fields(scope: PageScope) -> dict[str, list[str]]:
    """The most frequent values of each filter that has facets, by its name.

    Raises:
        ObsError: the log can't say.
    """
    counts = ask(facets.facets, scope, values=MOST)
    return {str(name): [str(value) for value in of["value"]] for name, of in counts.groupby("facet", sort=False)}


def attribute_names(scope: PageScope) -> list[str]:
    """The names of the most frequent attributes.

    Raises:
        ObsError: the log can't say.
    """
    return [str(name) for name in ask(facets.attributes, scope, names=MOST, values=1)["name"]]


def conditions(scope: PageScope, typed: str) -> list[str]:
    """The best completions of the conditions `typed` so far, with values of the window; none if the log can't say."""
    before, joint, last = typed.rpartition(" and ")
    match = _TYPED.fullmatch(last)
    with suppress(ObsError):
        known = ask(facets.attributes, scope, names=MOST, values=MOST_VALUES)
        if match is None:
            shown, operator = known, "="
        else:
            value, operator = match["value"].strip('"').casefold(), match["operator"].strip()
            shown = known[
                (known["name"] == match["name"]) & known["value"].str.casefold().str.contains(value, regex=False)
            ]
        texts = [
            Condition(name, operator, (value,)).text for name, value in zip(shown["name"], shown["value"], strict=True)
        ]
        return best([f"{before}{joint}{text}" for text in texts], typed if match is None else "")
    return []

"""What the filters suggest while their menu is open: the most frequent values of the window, others can be typed."""

from contextlib import suppress
from typing import Final

from obs_core.errors import ObsError
from obs_core.query.questions import facets
from obs_core.ui.shell.answers import ask
from obs_core.ui.shell.scope import PageScope

MOST: Final = 50


def of_fields(scope: PageScope) -> dict[str, list[str]]:
    """The most frequent values of each filter that has facets, by its name; none if the log can't say."""
    with suppress(ObsError):
        counts = ask(facets.facets, scope, values=MOST)
        return {str(name): [str(value) for value in of["value"]] for name, of in counts.groupby("facet", sort=False)}
    return {}


def attribute_names(scope: PageScope) -> list[str]:
    """The names of the most frequent attributes; none if the log can't say."""
    with suppress(ObsError):
        return [str(name) for name in ask(facets.attributes, scope, names=MOST, values=1)["name"]]
    return []

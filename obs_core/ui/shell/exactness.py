"""Says whether the percentiles of a page are approximate, and switches: the link keeps `exact=1`."""

from contextlib import suppress
from typing import Final

import streamlit as st

from obs_core.errors import ObsError
from obs_core.ui.shell import controls
from obs_core.ui.shell.answers import ask
from obs_core.ui.shell.cached_query import Question
from obs_core.ui.shell.scope import PageScope

HOVER: Final = (
    "Long windows of an archived log are answered from counts per 2 % of duration: percentiles differ by at most 1 %, "
    "everything else is exact. Exact percentiles need all rows, which takes longer."
)


def switch(scope: PageScope, *questions: Question, **parameters: object) -> None:
    """Draw that percentiles are approximate, or exact on request, with the other choice; nothing if they always are.

    `questions` are those with percentiles that the page shows, asked with `parameters`.
    """
    is_approximate = not scope.exact and any(_is_approximate(question, scope, parameters) for question in questions)
    if not is_approximate and not scope.exact:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", width="content", key="obs_exact"):
        st.caption(
            "Percentiles are approximate (≤ 1 %)" if is_approximate else "Percentiles are exact",
            help=HOVER,
            width="content",
        )
        st.button(
            "Exact" if is_approximate else "Approximate",
            type="tertiary",
            key="obs_exact_switch",
            on_click=controls.request_controls,
            kwargs={"exact": controls.EXACT if is_approximate else ""},
        )


def _is_approximate(question: Question, scope: PageScope, parameters: dict[str, object]) -> bool:
    with suppress(ObsError):  # the panel that shows the answer reports it
        return bool(ask(question, scope, **parameters).attrs.get("approximate"))
    return False

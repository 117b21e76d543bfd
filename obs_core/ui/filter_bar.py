"""Which rows the Trace Explorer shows: the controls over the table, each of them in the URL."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, get_args

import streamlit as st

from obs_core.model import Kind, Status
from obs_core.ui.frame import literal
from obs_core.ui.plain import plain

STATUSES: Final = get_args(Status)
KINDS: Final = get_args(Kind)
SORTS: Final = {
    "Newest first": "time",
    "Oldest first": "-time",
    "Slowest first": "duration",
    "Fastest first": "-duration",
    "Errors first": "status",
    "Process A to Z": "process",
}
KEYS: Final = {"search": "t_q", "status": "t_status", "kind": "t_kind", "process": "t_process"}
"""The part of the URL behind each part of a filter."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What the rows must be; None for all. The names are those of `traces.page`."""

    search: str | None = None
    status: str | None = None
    kind: str | None = None
    process: str | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """The filter as parameters of `traces.page` and `traces.total`."""
        return asdict(self)

    @property
    def is_empty(self) -> bool:
        """Whether every row fits."""
        return not any(asdict(self).values())


def filter_bar(processes: Sequence[str]) -> tuple[Filter, str]:
    """Draw the controls; return the filter, and the order as `traces.page` names it.

    `processes` are offered; others can be typed.
    """
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        search = st.text_input(
            "Search",
            key="t_q",
            bind="query-params",
            live="300ms",
            max_chars=1_000,
            placeholder="Process, data, value, exception",
            icon=":material/search:",
            width=250,
        )
        process = st.selectbox(
            "Process",
            processes,
            index=None,
            key="t_process",
            bind="query-params",
            accept_new_options=True,
            placeholder="All",
            width=150,
        )
        status = st.segmented_control("Status", STATUSES, key="t_status", bind="query-params")
        kind = st.segmented_control("Kind", KINDS, key="t_kind", bind="query-params")
        sort = st.selectbox("Order", list(SORTS), key="t_sort", bind="query-params", width=140)
    chosen = Filter(search or None, status, kind, process)
    _chips(chosen)
    return chosen, SORTS[sort]


def clear(*names: str) -> None:
    """Take the filters `names` away, or all of them; the order stays."""
    for name in names or KEYS:
        st.session_state[KEYS[name]] = "" if name == "search" else None


def _chips(chosen: Filter) -> None:
    """What is filtered, each with a way to remove it."""
    active = {name: value for name, value in asdict(chosen).items() if value}
    if not active:
        return
    with st.container(horizontal=True, gap="small"):
        for name, value in active.items():
            label = f"{name}: {literal(plain(value, 40))}"
            st.button(label, key=f"t_chip_{name}", icon=":material/close:", on_click=clear, args=(name,))
        if len(active) > 1:
            st.button("Clear all", key="t_chip_all", type="tertiary", on_click=clear)

"""The source that ran, on a page: highlighted and numbered, its versions, and how each stands to the file today."""

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any, Final, Literal

import streamlit as st
from pandas import DataFrame, Series, isna

from obs_core.settings import from_environment
from obs_core.source_code import highlight, locate
from obs_core.source_code.error_lines import raised_lines
from obs_core.source_code.locate import Located
from obs_core.ui.kit import formatting
from obs_core.ui.kit.text import counted, plain

_BADGES: Final[dict[locate.State, Literal["green", "blue", "gray", "orange"]]] = {
    "as on disk": "green",
    "moved": "blue",
    "recorded": "gray",
    "read from disk": "blue",
    "changed on disk since": "orange",
    "file is gone": "orange",
    "not recorded": "gray",
}


def source_card(code: DataFrame, failures: DataFrame, links: Mapping[str, str]) -> None:
    """Show the newest version in `code` (see `versions.list_`) that ran, or the one that is chosen.

    `failures` (see `inspector.failures`) mark the lines at which the function stopped; `links` lead from names to
    addresses.
    """
    if code.empty:
        found = locate.located(None, None, None, "", [])
        st.badge("not recorded", color="gray")
        st.info(
            f"{found.sentence} Its figures stand beside. To see Python code, trace it with `obs_core.trace`.",
            icon=":material/code_off:",
        )
        return
    version = _chosen(code)
    found = _located(version, from_environment().source_roots)
    _headline(found, version, code)
    if found.source is None:
        st.info(found.sentence, icon=":material/code_off:")
        return
    own = failures[failures["code_id"].isna() | failures["code_id"].isin(version["code_ids"])]
    stacks = zip(own["exception"], own["exception_stack"], strict=True)
    last = found.line + len(highlight.lines_of(found.source)) - 1
    marks = raised_lines(stacks, found.file, found.line, last)
    part = highlight.part(found.source, first_line=found.line, around=_line_wanted(found), marks=marks, links=links)
    st.html(f"<style>{highlight.stylesheet()}</style>{part.html}")
    if part.total > highlight.PART_LINES:
        _parts(found, part)


def _chosen(code: DataFrame) -> "Series[Any]":
    """The version to show; more than one is offered, the newest that ran first."""
    ordered = code.sort_values(["last_ns", "first_seen"], ascending=False, na_position="last", ignore_index=True)
    if len(ordered) == 1:
        return ordered.iloc[0]
    names = [name(row) for row in ordered.to_dict("records")]
    row = ordered.iloc[picked(f"{len(names)} versions", names, 0, "f_version", str(ordered["function"].iloc[0]))]
    seen = f"First seen {formatting.format_time(int(row['first_seen']))}"
    st.caption(formatting.escape_markdown(f"{seen}; {counted(int(row['calls']), 'call')} in this window"))
    return row


def picked(label: str, names: list[str], usual: int, parameter: str, function: str) -> int:
    """Draw a choice among the versions of `function`, which the link keeps as `parameter`; return the chosen place."""
    key = f"{parameter} {function}"

    def keep() -> None:
        st.query_params[parameter] = str(st.session_state[key])

    wanted = st.query_params.get(parameter)
    index = names.index(wanted) if wanted in names else usual
    return names.index(st.selectbox(label, names, index=index, key=key, on_change=keep, width=220))


def name(version: Mapping[Hashable, Any]) -> str:
    """A version in a word or two, as links name it too."""
    revision = version["revision"]
    return f"v{version['version']}" + (f" {plain(revision, 12)}" if isinstance(revision, str) and revision else "")


@st.cache_data(max_entries=256, ttl=5, show_spinner=False)
def _compared(file: str | None, line: int | None, source: str | None, digest: str, roots: tuple[str, ...]) -> Located:
    """`locate.located`, at most once in 5 s for each version: it reads the file."""
    return locate.located(file, line, source, digest, [Path(root) for root in roots])


def _located(version: "Series[Any]", roots: tuple[Path, ...]) -> Located:
    line = None if isna(version["line"]) else int(version["line"])
    source = version["source"] if isinstance(version["source"], str) else None
    file = version["file"] if isinstance(version["file"], str) else None
    return _compared(file, line, source, str(version["source_hash"] or ""), tuple(map(str, roots)))


def _headline(found: Located, version: "Series[Any]", code: DataFrame) -> None:
    """Where the source stands, and how it is to the file."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.badge(found.state, color=_BADGES[found.state])
        if (here := int((code["calls"] > 0).sum())) > 1:
            st.badge(f"{here} versions in this window", color="violet")
        elif len(code) > 1:
            st.badge(f"{len(code)} versions recorded", color="gray")
        if isinstance(version["revision"], str) and version["revision"]:
            st.badge(f"revision {formatting.escape_markdown(version['revision'][:12])}", color="gray")
        if found.source is not None:
            st.caption(found.sentence, width="content")
    if found.file:
        st.caption(formatting.escape_markdown(f"{plain(found.file, 500)}, line {found.line:,}"))


def _line_wanted(found: Located) -> int:
    wanted = st.session_state.get("f_line", found.line)
    return int(wanted) if isinstance(wanted, int) else found.line


def _parts(found: Located, part: highlight.Part) -> None:
    """The way to the other parts of a long source."""

    def go(line: int) -> None:
        st.session_state["f_line"] = line

    last = found.line + part.total - 1
    step = highlight.PART_LINES
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(f"Lines {part.first:,} to {part.last:,} of {part.total:,}", width="stretch")
        st.button("Earlier lines", on_click=go, args=(part.first - step // 2,), disabled=part.first <= found.line)
        st.button("Later lines", on_click=go, args=(part.last + step // 2,), disabled=part.last >= last)

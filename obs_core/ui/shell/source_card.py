"""The recorded source: highlighted, with line numbers, its versions, and its state compared with the file."""

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import streamlit as st
from pandas import DataFrame, Series, isna

from obs_core.settings import from_environment
from obs_core.source_code import highlight, locate
from obs_core.source_code.error_lines import raised_lines
from obs_core.source_code.locate import Located
from obs_core.ui.kit import formatting, navigation
from obs_core.ui.kit.text import counted, plain
from obs_core.ui.shell.state_badges import SOURCES


def source_card(code: DataFrame, failures: DataFrame, links: Mapping[str, str]) -> None:
    """Draw the newest version in `code` (see `versions.list_`) that ran, or the selected one.

    `failures` (see `inspector.failures`) mark the lines where the function raised; `links` are addresses by name.
    """
    if code.empty:
        located = locate.located(None, None, None, "", [])
        st.badge("not recorded", color=SOURCES["not recorded"].colour)
        st.info(
            f"{located.sentence} To see Python code, trace the function with `obs_core.trace`.",
            icon=":material/code_off:",
        )
        return
    version = _selected_version(code)
    located = _located(version, from_environment().source_roots)
    _headline(located, version, code)
    if located.source is None:
        st.info(located.sentence, icon=":material/code_off:")
        return
    own = failures[failures["code_id"].isna() | failures["code_id"].isin(version["code_ids"])]
    stacks = zip(own["exception"], own["exception_stack"], strict=True)
    last = located.line + len(highlight.lines_of(located.source)) - 1
    marks = raised_lines(stacks, located.file, located.line, last)
    part = highlight.part(
        located.source, first_line=located.line, around=_selected_line(located), marks=marks, links=links
    )
    st.html(f"<style>{highlight.stylesheet()}</style>{part.html}")
    if part.total > highlight.PART_LINES:
        _parts(located, part)


def _selected_version(code: DataFrame) -> "Series[Any]":
    """The version to show; several are in a list, the newest that ran first."""
    ordered = code.sort_values(["last_ns", "first_seen"], ascending=False, na_position="last", ignore_index=True)
    if len(ordered) == 1:
        return ordered.iloc[0]
    names = [name(row) for row in ordered.to_dict("records")]
    row = ordered.iloc[pick_version(f"{len(names)} versions", names, 0, "f_version", str(ordered["function"].iloc[0]))]
    seen = f"First seen {formatting.format_time(int(row['first_seen']))}"
    st.caption(formatting.escape_markdown(f"{seen}; {counted(int(row['calls']), 'call')} in this window"))
    return row


def pick_version(label: str, names: list[str], default: int, parameter: str, function: str) -> int:
    """Draw a list of the versions of `function`, stored in the link as `parameter`; return the selected index."""
    key = f"{parameter} {function}"

    def keep() -> None:
        navigation.update_link(**{parameter: str(st.session_state[key])})

    linked = st.query_params.get(parameter)
    index = names.index(linked) if linked in names else default
    return names.index(st.selectbox(label, names, index=index, key=key, on_change=keep, width=220))


def name(version: Mapping[Hashable, Any]) -> str:
    """Return the short name of a version, also used in links."""
    revision = version["revision"]
    return f"v{version['version']}" + (f" {plain(revision, 12)}" if isinstance(revision, str) and revision else "")


@st.cache_data(max_entries=256, ttl=5, show_spinner=False)
def _cached(file: str | None, line: int | None, source: str | None, digest: str, roots: tuple[str, ...]) -> Located:
    """`locate.located`, at most once in 5 s for each version: it reads the file."""
    return locate.located(file, line, source, digest, [Path(root) for root in roots])


def _located(version: "Series[Any]", roots: tuple[Path, ...]) -> Located:
    line = None if isna(version["line"]) else int(version["line"])
    source = version["source"] if isinstance(version["source"], str) else None
    file = version["file"] if isinstance(version["file"], str) else None
    return _cached(file, line, source, str(version["source_hash"] or ""), tuple(map(str, roots)))


def _headline(located: Located, version: "Series[Any]", code: DataFrame) -> None:
    """The location of the source, and its state compared with the file."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.badge(located.state, color=SOURCES[located.state].colour)
        if (here := int((code["calls"] > 0).sum())) > 1:
            st.badge(f"{here} versions in this window", color="violet")
        elif len(code) > 1:
            st.badge(f"{len(code)} versions recorded", color="gray")
        if isinstance(version["revision"], str) and version["revision"]:
            st.badge(f"revision {formatting.escape_markdown(version['revision'][:12])}", color="gray")
        if located.source is not None:
            st.caption(located.sentence, width="content")
    if located.file:
        st.caption(formatting.escape_markdown(f"{plain(located.file, 500)}, line {located.line:,}"))


def _selected_line(located: Located) -> int:
    line = st.session_state.get("f_line", located.line)
    return int(line) if isinstance(line, int) else located.line


def _parts(located: Located, part: highlight.Part) -> None:
    """The buttons for the other parts of a long source."""

    def go(line: int) -> None:
        st.session_state["f_line"] = line

    last = located.line + part.total - 1
    step = highlight.PART_LINES
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(f"Lines {part.first:,} to {part.last:,} of {part.total:,}", width="stretch")
        st.button("Earlier lines", on_click=go, args=(part.first - step // 2,), disabled=part.first <= located.line)
        st.button("Later lines", on_click=go, args=(part.last + step // 2,), disabled=part.last >= last)

"""The waterfall of a trace: its calls and values as a tree, each beside the time it took."""

import math
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any, Final

import streamlit as st
from pandas import DataFrame

from obs_core.query.critical_path import critical_path
from obs_core.ui.plain import plain

HEIGHT: Final = 420
TEXT: Final = 120
"""Characters of a name or a value that a row shows; the rest stands in the call's own card."""

_NO_GROUP: Final = ("#5f6b7a", "#98a3b3")
_WEB: Final = resources.files("obs_core.ui").joinpath("web")
_HTML: Final = """
<div class="wf">
  <div class="bar-top">
    <button type="button" data-do="expand">Expand all</button>
    <button type="button" data-do="collapse">Collapse all</button>
    <label>Levels <select data-do="level" aria-label="Collapse to this level"></select></label>
    <button type="button" data-do="error">Next error</button>
    <span class="count" role="status"></span>
  </div>
  <div class="legend"></div>
  <div class="frame">
    <div class="head">
      <span>Call or value</span><div class="ruler"></div>
      <span class="figure">Duration</span><span class="figure">Self</span>
    </div>
    <div class="viewport" role="treegrid" aria-label="Calls and values of the trace" tabindex="0">
      <div class="pad"><div class="layer" role="rowgroup"></div></div>
    </div>
  </div>
</div>
"""

_component: Final = st.components.v2.component(
    "obs_waterfall",
    html=_HTML,
    css=_WEB.joinpath("waterfall.css").read_text("utf-8"),
    js=_WEB.joinpath("waterfall.js").read_text("utf-8"),
)


def waterfall(
    tree: DataFrame, *, trace: str, selected: str | None, colours: Mapping[str, tuple[str, str]], key: str
) -> str | None:
    """Draw `tree` (see `traces.tree`); return the id of the row that was picked just now, or None.

    `selected` is the id of the row to show as chosen; `colours` are each group's colour in the light and dark theme.
    """
    result = _component(
        key=key, data=picture(tree, trace=trace, selected=selected, colours=colours), on_picked_change=lambda: None
    )
    picked = result.get("picked")
    return str(picked) if picked is not None else None


def row_ids(tree: DataFrame) -> list[str]:
    """What each row is called in links and clicks: its span id, or its row's id where it has none or shares one."""
    taken: set[str] = set()
    names = []
    for span, row in zip(tree["span_id"], tree["id"], strict=True):
        name = span if isinstance(span, str) and span and span not in taken else f"row-{row}"
        taken.add(name)
        names.append(name)
    return names


def picture(
    tree: DataFrame, *, trace: str, selected: str | None, colours: Mapping[str, tuple[str, str]]
) -> dict[str, Any]:
    """The columns that the drawing needs, one list each; times in milliseconds after the trace's first row."""
    starts = [_number(value) or 0.0 for value in tree["start_offset_ms"]]
    durations = [_number(value) for value in tree["duration_ms"]]
    parents = parent_positions(tree)
    groups = [_text(group) for group in tree["process_group"]] if "process_group" in tree else [""] * len(tree)
    return {
        "trace": trace,
        "selected": selected,
        "height": HEIGHT,
        "total_ms": max(
            (start + (length or 0.0) for start, length in zip(starts, durations, strict=True)), default=0.0
        ),
        "id": row_ids(tree),
        "parent": parents,
        "depth": [int(depth) for depth in tree["depth"]],
        "kind": list(tree["kind"]),
        "name": [plain(name, TEXT) for name in tree["Data"]],
        "text": _values(tree),
        "group": groups,
        "colour": [list(colours.get(group, _NO_GROUP)) for group in groups],
        "error": [status == "ERROR" for status in tree["Status"]],
        "start": starts,
        "duration": durations,
        "self": [_number(value) for value in tree["self_ms"]],
        "note": notes(starts, durations, parents, [bool(orphan) for orphan in tree["orphan"]]),
        "critical": _stretches(starts, durations, parents),
    }


def parent_positions(tree: DataFrame) -> list[int]:
    """The position of each row's parent; -1 for a root, and where the parent does not stand before its child."""
    place = {span: at for at, span in reversed(list(enumerate(tree["span_id"]))) if isinstance(span, str) and span}
    found = [place.get(parent, -1) if isinstance(parent, str) else -1 for parent in tree["parent_span_id"]]
    return [parent if parent < at else -1 for at, parent in enumerate(found)]


def notes(
    starts: Sequence[float], durations: Sequence[float | None], parents: Sequence[int], orphans: Sequence[bool]
) -> list[str]:
    """What is odd about a row's place or time; drawn as it is, and said."""
    said = []
    for at, parent in enumerate(parents):
        remarks = ["Its caller is not in the log."] if orphans[at] else []
        length = durations[parent] if parent >= 0 else None
        if parent >= 0 and starts[at] < starts[parent]:
            remarks.append("Starts before its caller: the clocks of two machines differ.")
        if length is not None and starts[at] + (durations[at] or 0.0) > starts[parent] + length:
            remarks.append("Ends after its caller.")
        said.append(" ".join(remarks))
    return said


def _stretches(
    starts: Sequence[float], durations: Sequence[float | None], parents: Sequence[int]
) -> list[list[tuple[float, float]]]:
    """For each row, its stretches of the critical path."""
    timed = [at for at, length in enumerate(durations) if length is not None]
    place = {at: new for new, at in enumerate(timed)}
    path = critical_path(
        [starts[at] for at in timed],
        [durations[at] or 0.0 for at in timed],
        [place.get(parents[at], -1) for at in timed],
    )
    stretches: list[list[tuple[float, float]]] = [[] for _ in starts]
    for stretch in path:
        stretches[timed[stretch.call]].append((stretch.start, stretch.end))
    return stretches


def _values(tree: DataFrame) -> list[str]:
    """What stands behind each name: the value of a value, the exception of a call that failed."""
    shown = []
    for kind, value, exception in zip(tree["kind"], tree["Data Value"], tree["Exception"], strict=True):
        told = f"= {plain(value, TEXT)}" if kind == "value" else plain(exception, TEXT)
        shown.append(plain(value, TEXT) if kind == "log" and not told else told)
    return shown


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object) -> float | None:
    """`value` as a finite number, or None: JSON knows no NaN."""
    number = float(value) if isinstance(value, int | float) else math.nan
    return number if math.isfinite(number) else None

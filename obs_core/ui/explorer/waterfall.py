"""The waterfall of a trace: its calls and values as a tree, each beside the time it took."""

import json
from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from math import isfinite
from typing import Any, Final, NamedTuple

import streamlit as st
from pandas import DataFrame, Series

from obs_core.query.analysis.critical_path import critical_path
from obs_core.ui.kit.text import plain
from obs_core.ui.shell.answers import derived

HEIGHT: Final = 420
TEXT: Final = 120
"""Characters of a name or a value that a row shows; the rest stands in the call's own card."""

_NO_GROUP: Final = ("#5f6b7a", "#98a3b3")
_WEB: Final = resources.files("obs_core.ui.explorer").joinpath("web")
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


class Said(NamedTuple):
    """What somebody did just now: the id of the row that was picked; the level that is shown (empty for all of them).

    None where nothing was done.
    """

    picked: str | None
    level: str | None


def waterfall(
    tree: DataFrame,
    *,
    trace: str,
    selected: str | None,
    level: str | None,
    colours: Mapping[str, tuple[str, str]],
    key: str,
    on_said: Callable[[Said], None],
) -> None:
    """Draw `tree` (see `traces.tree`) down to `level` (None: all of it).

    `selected` is the id of the row to show as chosen; `colours` are each group's colour in the light and dark theme.
    `on_said` runs before the next run of the script.
    """
    drawn = derived(_encoded, tree, colours=tuple(sorted(colours.items())))
    data = {"trace": trace, "selected": selected, "level": level or "", "height": HEIGHT, "picture": drawn}

    def told() -> None:
        words = [st.session_state[key].get(name) for name in Said._fields]
        on_said(Said(*(None if word is None else str(word) for word in words)))

    _component(key=key, data=data, on_picked_change=told, on_level_change=told)


def row_ids(tree: DataFrame) -> list[str]:
    """What each row is called in links and clicks: its span id, or its row's id where it has none or shares one."""
    taken: set[str] = set()
    names = []
    for span, row in zip(tree["span_id"], tree["id"], strict=True):
        name = span if isinstance(span, str) and span and span not in taken else f"row-{row}"
        taken.add(name)
        names.append(name)
    return names


def picture(tree: DataFrame, colours: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    """The columns that the drawing needs, times in milliseconds after the trace's first row.

    What each row has is a list; what few rows have is said by their positions. Groups stand once, with their colours.
    """
    starts = [start or 0.0 for start in _numbers(tree["start_offset_ms"])]
    durations = _numbers(tree["duration_ms"])
    parents = parent_positions(tree)
    groups = [_text(group) for group in tree["process_group"]] if "process_group" in tree else [""] * len(tree)
    places = {group: place for place, group in enumerate(dict.fromkeys(groups))}
    return {
        "total_ms": max(
            (start + (length or 0.0) for start, length in zip(starts, durations, strict=True)), default=0.0
        ),
        "id": row_ids(tree),
        "parent": parents,
        "depth": tree["depth"].tolist(),
        "name": [plain(name, TEXT) for name in tree["Data"]],
        "groups": [[plain(group, TEXT), *colours.get(group, _NO_GROUP)] for group in places],
        "group": [places[group] for group in groups],
        "start": starts,
        "duration": durations,
        "self": _numbers(tree["self_ms"]),
        "text": _told(_values(tree)),
        "value": [at for at, kind in enumerate(tree["kind"]) if kind != "call"],
        "error": [at for at, status in enumerate(tree["Status"]) if status == "ERROR"],
        "note": _told(notes(starts, durations, parents, tree["orphan"].tolist())),
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
) -> dict[int, list[tuple[float, float]]]:
    """The stretches of the critical path of the rows that have some."""
    timed = [at for at, length in enumerate(durations) if length is not None]
    place = {at: new for new, at in enumerate(timed)}
    path = critical_path(
        [starts[at] for at in timed],
        [durations[at] or 0.0 for at in timed],
        [place.get(parents[at], -1) for at in timed],
    )
    stretches: dict[int, list[tuple[float, float]]] = {}
    for stretch in path:
        stretches.setdefault(timed[stretch.call], []).append((stretch.start, stretch.end))
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


def _told(texts: Sequence[str]) -> dict[int, str]:
    """The texts that are not empty, by their position."""
    return {at: text for at, text in enumerate(texts) if text}


def _numbers(column: "Series[float]") -> list[float | None]:
    """The column as finite numbers, or None: JSON knows no NaN."""
    return [number if isfinite(number) else None for number in column.astype("float64").tolist()]


def _encoded(tree: DataFrame, *, colours: Sequence[tuple[str, tuple[str, str]]]) -> str:
    """The picture as JSON. Streamlit writes what it is given twice at each run: a text costs it a tenth."""
    return json.dumps(picture(tree, dict(colours)), separators=(",", ":"), allow_nan=False)
